"""The connection URL of Postgres, read by libpq's rules: checked, completed, and rendered for every client."""

import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, unquote

from coaching_assets.service_file import NoSuchService, service_parameters

SCHEMES = ("postgresql", "postgres")

SCHEMA_PARAMETERS = ("schema", "currentSchema")
"""Name the application's schema in Prisma's and JDBC's URLs."""

IGNORED_PARAMETERS = frozenset(
    {
        *("pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "statement_cache_size"),  # Prisma
        *("pool_size", "max_overflow", "pool_recycle", "pool_pre_ping"),  # SQLAlchemy
        *("prepared_statement_cache_size", "prepared_statement_name_func", "command_timeout"),  # asyncpg
        *("prepareThreshold", "preparedStatementCacheQueries", "binaryTransfer", "reWriteBatchedInserts"),  # JDBC
        *("pool_max_conns", "pool_min_conns", "default_query_exec_mode", "binary_parameters"),  # Go
        *("uselibpqcompat", "max"),  # node-postgres
        *("supa", "workaround"),  # Supabase's integrations
    }
)
"""Parameters of other clients that concern only their own pool. They say nothing about the server or encryption."""

PERCENT_ENCODING = (
    "write special characters in the user name and password as %40 for @, %2F for /, %3A for :, %23 for #,"
    " %3F for ? and %25 for %"
)


class NotAPostgresURL(ValueError):
    """The text is not a Postgres URL; the message completes "DATABASE_URL …" and never contains the text."""


def url_from_parts(parts: Mapping[str, Any]) -> str:
    """A connection URL from the parts that dlt documents for Postgres credentials.

    Args:
        parts: `database`, `username`, `password`, `host`, `port` and `query`, each optional.
    """
    parameters = {
        "host": parts.get("host", "localhost"),
        "port": parts.get("port", 5432),
        "user": parts.get("username", ""),
        "password": parts.get("password", ""),
        "dbname": parts.get("database", ""),
        **parts.get("query", {}),
    }
    return render_url({name: str(value) for name, value in parameters.items() if str(value)})


def render_url(parameters: Mapping[str, str]) -> str:
    """A URL of libpq's parameters, percent-encoded. Every client that uses libpq reads it in the same way."""
    rest = dict(parameters)
    user, password, database = (quote(rest.pop(name, ""), safe="") for name in ("user", "password", "dbname"))
    credentials = f"{user}:{password}@" if password else f"{user}@" if user else ""
    address = ""
    # a list of hosts, a socket and an IPv6 address are easier to read as parameters
    if re.fullmatch(r"[\w.-]+", rest.get("host", ""), re.ASCII):
        address = rest.pop("host")
        address += f":{port}" if (port := rest.pop("port", "")) else ""
    query = "&".join(f"{name}={quote(value, safe='/,:')}" for name, value in rest.items())
    return f"postgresql://{credentials}{address}/{database}" + (f"?{query}" if query else "")


def connection_parameters(text: str, schema: str) -> dict[str, str]:
    """Read libpq's parameters, complete those of a service, and require encryption on the way to another machine.

    Args:
        text: a URL, or `name=value` pairs.
        schema: the application's schema; a URL made for another client may name it, but no other one.

    Raises:
        NotAPostgresURL: libpq cannot read it, or a part of it is surely a mistake.
    """
    text = text.strip()
    if scheme := re.match(r"([A-Za-z][\w+.:-]*)://", text):
        if scheme[1].partition("+")[0].lower() not in SCHEMES:
            raise NotAPostgresURL("must start with postgresql://")
        text = f"postgresql://{_without_other_clients_parameters(text[scheme.end() :], schema)}"
    elif not re.match(r"\w+\s*=", text):
        raise NotAPostgresURL("must start with postgresql://, or be a list of name=value without quotation marks")
    parameters = _with_service(_parsed(text, "" if scheme else "; put a value with spaces into single quotes"))
    for port in filter(None, parameters.get("port", "").split(",")):
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise NotAPostgresURL(
                f"has a port that is not a number from 1 to 65535; {PERCENT_ENCODING}, and an IPv6 address in brackets"
            )
    if "sslmode" in parameters or "PGSSLMODE" in os.environ or parameters.get("sslrootcert") == "system":
        return parameters
    return parameters if _is_local(parameters) else parameters | {"sslmode": "require"}


def hosts(parameters: Mapping[str, str]) -> list[tuple[str, str]]:
    """The hosts and ports that libpq tries, in order; a host is a name, an address or the folder of a socket."""
    names = (parameters.get("host") or os.environ.get("PGHOST") or parameters.get("hostaddr") or "localhost").split(",")
    ports = (parameters.get("port") or os.environ.get("PGPORT") or "5432").split(",")
    ports = ports * len(names) if len(ports) == 1 else ports
    return [(name or "localhost", port or "5432") for name, port in zip(names, ports, strict=False)]


def addresses(parameters: Mapping[str, str]) -> str:
    """The hosts and ports for a message: `host:port`, comma-separated."""
    return ", ".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in hosts(parameters))


def _without_other_clients_parameters(url: str, schema: str) -> str:
    """The part of a URL behind `://`, without the parameters that only other clients know."""
    at, slash = url.find("@"), url.find("/")
    # libpq looks for the end of the password in this way, too
    end = at + 1 if at >= 0 and (slash < 0 or at < slash) else 0
    address, _, query = url[end:].partition("?")
    if "@" in address:
        raise NotAPostgresURL(f"has an unescaped @ or / in the user name or password; {PERCENT_ENCODING}")
    try:
        query = "&".join(_known_parameters(query, schema))
    except NotAPostgresURL:
        if "@" not in query:
            raise
        # this is perhaps the end of a password, which no message may show
        raise NotAPostgresURL(f"cannot be read; {PERCENT_ENCODING}") from None
    return url[:end] + address + (f"?{query}" if query else "")


def _known_parameters(query: str, schema: str) -> Iterator[str]:
    for part in filter(None, query.split("&")):
        name, _, value = map(unquote, part.partition("="))
        if name in SCHEMA_PARAMETERS and value != schema:
            raise NotAPostgresURL(
                f"has the parameter {name}={value}, but COACHING_SCHEMA is {schema}; set COACHING_SCHEMA to the"
                " application's schema and remove the parameter"
            )
        if name in SCHEMA_PARAMETERS or name in IGNORED_PARAMETERS:
            continue
        if not _libpq_knows(part):
            raise NotAPostgresURL(f"has the parameter {name!r}, which Postgres's client library lacks; remove it")
        yield part


def _libpq_knows(part: str) -> bool:
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import parse_dsn

    try:
        parse_dsn(f"postgresql://?{part}")
    except ProgrammingError as error:
        return "query parameter" not in str(error) or "missing" in str(error)
    return True


def _parsed(text: str, advice: str) -> dict[str, str]:
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import parse_dsn

    try:
        return {name: value for name, value in parse_dsn(text).items() if value}
    except ProgrammingError:
        # libpq's message would show the password
        raise NotAPostgresURL(f"cannot be read; {PERCENT_ENCODING}{advice}") from None


def _with_service(parameters: dict[str, str]) -> dict[str, str]:
    """Replace the name of a service by its parameters, so that no client needs to find the file."""
    name = parameters.pop("service", "") or os.environ.get("PGSERVICE", "")
    file = parameters.pop("servicefile", "")
    if not name:
        return parameters
    try:
        found = service_parameters(name, file)
    except NoSuchService as error:
        raise NotAPostgresURL(str(error)) from None
    if unknown := [parameter for parameter in found if not _libpq_knows(f"{parameter}=")]:
        raise NotAPostgresURL(f"names the service {name!r}, whose parameter {unknown[0]!r} libpq lacks; remove it")
    return found | parameters


def _is_local(parameters: Mapping[str, str]) -> bool:
    """Whether every host is this machine: `localhost`, a loopback address or the directory of a Unix socket."""
    names = [parameters.get(name) or os.environ.get(f"PG{name.upper()}", "") for name in ("host", "hostaddr")]
    return all(
        host in ("", "localhost") or host.startswith(("/", "@")) or _is_loopback(host)
        for host in ",".join(names).split(",")
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
