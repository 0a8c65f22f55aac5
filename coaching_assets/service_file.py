"""Postgres's connection service file: named sets of connection parameters.

https://www.postgresql.org/docs/current/libpq-pgservice.html
"""

import os
from collections.abc import Iterable
from pathlib import Path


class NoSuchService(ValueError):
    """No service file has the service; the message completes "DATABASE_URL …"."""


def service_parameters(name: str, file: str = "") -> dict[str, str]:
    """Read the parameters of a service.

    Every client library that bundles libpq looks in another folder for the system's file. Read here, it is the same
    for all.

    Args:
        name: the section of the file.
        file: the path of the user's service file; empty for `PGSERVICEFILE`, else `~/.pg_service.conf`.

    Raises:
        NoSuchService: no file has the service.
    """
    user = Path(file or os.environ.get("PGSERVICEFILE") or Path.home() / ".pg_service.conf")
    system = Path(os.environ.get("PGSYSCONFDIR", "/etc/postgresql-common")) / "pg_service.conf"
    for path in (user, system):
        try:
            found = _section(path.read_text(encoding="utf-8").splitlines(), name)
        except (OSError, UnicodeDecodeError):
            continue
        if found is not None:
            return found
    raise NoSuchService(
        f"names the service {name!r}, which is in neither {user} nor {system}; add a section [{name}], or set"
        " PGSERVICEFILE to the file that has it"
    )


def _section(lines: Iterable[str], name: str) -> dict[str, str] | None:
    found: dict[str, str] | None = None
    inside = False
    for line in map(str.strip, lines):
        if line.startswith("["):
            inside = line == f"[{name}]" and found is None
            found = {} if inside else found
        elif inside and found is not None and "=" in line and not line.startswith("#"):
            parameter, _, value = line.partition("=")
            found.setdefault(parameter.strip(), value.strip())
    return found
