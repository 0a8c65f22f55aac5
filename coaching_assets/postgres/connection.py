"""Connections to the application's Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import errorcodes, sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import make_dsn, parse_dsn

from coaching_assets.postgres.errors import CannotConnect, retried
from coaching_assets.postgres.sql_files import read_sql, run_sql_file
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

COUNTED_BYTES = 16 * 1024**2
"""Tables up to this size are counted; of larger ones it is estimated how many rows they have."""

__all__ = [
    "CannotConnect",
    "Connection",
    "RowCount",
    "column_types",
    "connect",
    "count_rows",
    "explain_connection_failure",
    "read_sql",
    "run_sql_file",
    "use_schema",
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
        return f"DATABASE_URL: no encrypted connection to {where}. See docs/security.md, Encryption."
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


@dataclass(frozen=True)
class RowCount:
    """How many rows a table has, and whether that is Postgres's estimate."""

    rows: int = 0
    is_estimate: bool = False


def count_rows(database: Connection, table: sql.Identifier) -> RowCount:
    """A table's rows, at a cost that does not grow with the table.

    A small table is counted. Of a large one the planner says how many rows to expect: those that the last `analyze`
    found, extrapolated to the table's present size.
    """
    with database.cursor() as cursor:
        cursor.execute("select pg_table_size(%s::regclass)", (table.as_string(cursor),))
        size = (cursor.fetchone() or (0,))[0]
        if size <= COUNTED_BYTES:
            cursor.execute(sql.SQL("select count(*) from {}").format(table))
            return RowCount((cursor.fetchone() or (0,))[0])
        cursor.execute(sql.SQL("explain (format json) select from {}").format(table))
        plan = (cursor.fetchone() or ([{"Plan": {"Plan Rows": 0}}],))[0]
        return RowCount(int(plan[0]["Plan"]["Plan Rows"]), is_estimate=True)
