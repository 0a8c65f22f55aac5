"""Connections to the application's Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import errorcodes
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import make_dsn, parse_dsn

from coaching_assets.postgres.errors import CannotConnect
from coaching_assets.postgres.retries import retried
from coaching_assets.settings import Settings

PARAMETERS: dict[str, str | int] = {
    "connect_timeout": 10,
    "application_name": "coaching_assets",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""Defaults for every connection; the URL overrides them. A server that stopped answering is noticed within a minute."""

__all__ = ["Connection", "connect", "explain_connection_failure", "use_schema"]


@contextmanager
def connect(settings: Settings, *, autocommit: bool = False) -> Iterator[Connection]:
    """Connect to the application's database. Closing the connection rolls back an open transaction.

    Raises:
        SettingError: DATABASE_URL is missing or not a Postgres URL.
        CannotConnect: the server refused the connection, or did not answer after several attempts.
    """
    url = settings.postgres_url()
    dsn = make_dsn(url, **(PARAMETERS | parse_dsn(url)))
    try:
        database = retried(settings, lambda: psycopg2.connect(dsn))
    except psycopg2.Error as error:
        raise CannotConnect(explain_connection_failure(url, error)) from error
    try:
        database.autocommit = True
        with database.cursor() as cursor:
            # Postgres then raises an error where a policy would hide rows: the sync must not take those for absent
            cursor.execute("set row_security = off")
        database.autocommit = autocommit
        yield database
    finally:
        database.close()


def use_schema(database: Connection, schema: str) -> None:
    """Resolve unqualified names in this schema, for the rest of the session.

    The database's own search path stays behind it: triggers of the application call functions of schemas there.
    """
    with database.cursor() as cursor:
        cursor.execute(
            "select set_config('search_path', concat_ws(', ', quote_ident(%s), nullif(reset_val, '')), false)"
            " from pg_settings where name = 'search_path'",
            (schema,),
        )


def explain_connection_failure(url: str, error: psycopg2.Error) -> str:
    """Describe in one sentence why the connection failed, without the password."""
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
