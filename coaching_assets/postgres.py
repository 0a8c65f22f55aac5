"""Connections to the application's Postgres, and the SQL files that run there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import errorcodes
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import make_dsn, parse_dsn

from coaching_assets.postgres_errors import CannotConnect, retried
from coaching_assets.settings import Settings

PARAMETERS: dict[str, str | int] = {
    "connect_timeout": 10,
    "application_name": "coaching_assets",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""For every connection, unless the URL says otherwise: a server that fell silent is noticed within a minute or so."""

__all__ = [
    "CannotConnect",
    "Connection",
    "column_types",
    "connect",
    "explain_connection_failure",
    "read_sql",
    "run_sql_file",
    "use_schema",
    "wait_for_advisory_lock",
]


@contextmanager
def connect(settings: Settings, *, autocommit: bool = False) -> Iterator[Connection]:
    """A connection to the application's database, closed at the end; what is not committed then is rolled back.

    Raises:
        SettingError: DATABASE_URL is missing or is no Postgres URL.
        CannotConnect: the server refuses, or did not answer several times.
    """
    url = settings.postgres_url()
    dsn = make_dsn(url, **(PARAMETERS | parse_dsn(url)))
    try:
        database = retried(settings, lambda: psycopg2.connect(dsn))
    except psycopg2.Error as error:
        raise CannotConnect(explain_connection_failure(url, error)) from error
    try:
        database.autocommit = autocommit
        yield database
    finally:
        database.close()


def use_schema(database: Connection, schema: str) -> None:
    """Let names without a schema mean the tables of this one, for the rest of the session."""
    with database.cursor() as cursor:
        cursor.execute("select set_config('search_path', quote_ident(%s), false)", (schema,))


def wait_for_advisory_lock(database: Connection, statement: str, parameters: Sequence[object]) -> None:
    """Take an advisory lock, however long others hold it: no timeout of the server or of the role is for such waits."""
    with database.cursor() as cursor:
        cursor.execute("set lock_timeout = 0; set statement_timeout = 0; set idle_in_transaction_session_timeout = 0")
        cursor.execute(statement, parameters)
        cursor.execute("reset lock_timeout; reset statement_timeout")


def explain_connection_failure(url: str, error: psycopg2.Error) -> str:
    """One sentence on why Postgres refused, without the password."""
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port or 5432}"
    text = str(error).lower()
    if error.pgcode == errorcodes.INVALID_PASSWORD or "password" in text:
        return f"DATABASE_URL: {where} rejects the password of user {parts.username!r}. Correct user or password."
    if "database" in text and "does not exist" in text:
        return f"DATABASE_URL: {where} has no database {parts.path.lstrip('/')!r}. Create it or correct the name."
    if "role" in text and "does not exist" in text:
        return f"DATABASE_URL: {where} has no user {parts.username!r}. Create it or correct the name."
    if "ssl" in text or "tls" in text:
        return f"DATABASE_URL: no encrypted connection to {where}. See sslmode in the README's table of settings."
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"DATABASE_URL: {where} cannot be reached ({first_line}). Is it running, and is the address right?"


def column_types(database: Connection, schema: str, table: str) -> dict[str, str]:
    """A table's columns, by name, with their types (without modifiers); empty where there is no such table."""
    with database.cursor() as cursor:
        cursor.execute(
            "select attname, format_type(atttypid, null) from pg_attribute"
            " where attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and attnum > 0 and not attisdropped"
            " order by attnum",
            (schema, table),
        )
        return dict(cursor.fetchall())


def read_sql(package: str, name: str) -> str:
    """The text of an SQL file that stands next to the code of `package`."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def run_sql_file(database: Connection, package: str, name: str) -> None:
    """Run an SQL file that stands next to the code of `package`, in the connection's current transaction."""
    with database.cursor() as cursor:
        cursor.execute(read_sql(package, name))
