"""The Postgres connection URL: built from its parts, checked, and encrypted where the network is not private."""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit, urlunsplit

SCHEMES = ("postgresql", "postgres")


class NotAPostgresURL(ValueError):
    """The text is not a Postgres URL; the message completes "DATABASE_URL …" and never contains the text."""


def url_from_parts(parts: Mapping[str, Any]) -> str:
    """A connection URL from the parts that dlt documents for Postgres credentials.

    Args:
        parts: `database`, `username`, `password`, `host`, `port` and `query`, each optional.
    """
    from sqlalchemy import URL

    url = URL.create(
        "postgresql",
        username=str(parts.get("username", "")),
        password=str(parts.get("password", "")),
        host=str(parts.get("host", "localhost")),
        port=int(parts.get("port", 5432)),
        database=str(parts.get("database", "")),
        query={name: str(value) for name, value in parts.get("query", {}).items()},
    )
    return url.render_as_string(hide_password=False)


def checked_url(url: str) -> str:
    """The URL as libpq reads it, with `sslmode=require` if the server is on another machine and no mode is set.

    Raises:
        NotAPostgresURL: libpq cannot read it.
    """
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import parse_dsn

    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise NotAPostgresURL("must start with postgresql://")
    url = f"postgresql://{rest}"
    try:
        parameters = parse_dsn(url)
    except ProgrammingError:
        # libpq's message would show the password
        raise NotAPostgresURL(
            "cannot be read; write special characters in the user name and password as %40 for @, %25 for %"
        ) from None
    if "sslmode" in parameters or "PGSSLMODE" in os.environ or _is_local(parameters):
        return url
    split = urlsplit(url)
    return urlunsplit(split._replace(query="&".join(filter(None, [split.query, "sslmode=require"]))))


def _is_local(parameters: Mapping[str, str]) -> bool:
    """Whether every host is this machine: `localhost`, a loopback address or the directory of a Unix socket."""
    hosts = ",".join(parameters.get(name, "") for name in ("host", "hostaddr")).split(",")
    return all(host in ("", "localhost") or host.startswith("/") or _is_loopback(host) for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
