"""Connections to the application's Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import parse_dsn

from coaching_assets.database_url import render_url
from coaching_assets.postgres.connection_errors import explain_connection_failure
from coaching_assets.postgres.errors import CannotConnect
from coaching_assets.postgres.pooler import require_own_session
from coaching_assets.postgres.retries import retried
from coaching_assets.settings import Settings

DEFAULTS = {
    "connect_timeout": "10",
    "application_name": "coaching_assets",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""Defaults for every connection; the URL overrides them. A server that stopped answering is noticed within a minute."""

REQUIRED = {"client_encoding": "UTF8"}
"""ADBC sends and expects UTF-8, so no setting of the server, the role or the environment may say otherwise."""

NO_TIMEOUTS = (
    "select set_config(name, '0', false) from pg_settings where name in ('statement_timeout',"
    " 'idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
)
"""Timeouts of the database or the role protect the application's sessions. A sync waits for BigQuery in between, and
its merges take minutes. Like `pg_dump`, it works without them; versions before 17 lack the last one."""

__all__ = ["Connection", "connect", "connection_url", "use_schema"]


def connection_url(settings: Settings) -> str:
    """The URL for every client of Postgres: psycopg2, dlt and ADBC. All of them pass it to libpq.

    Raises:
        SettingError: DATABASE_URL is missing or not a Postgres URL.
    """
    return render_url(DEFAULTS | parse_dsn(settings.postgres_url()) | REQUIRED)


@contextmanager
def connect(settings: Settings, *, autocommit: bool = False) -> Iterator[Connection]:
    """Connect to the application's database. Closing the connection rolls back an open transaction.

    Raises:
        SettingError: DATABASE_URL is missing or not a Postgres URL.
        CannotConnect: the server refused the connection, did not answer after several attempts, or is a connection
            pooler that keeps no session.
    """
    url = connection_url(settings)
    try:
        database = retried(settings, lambda: psycopg2.connect(url))
    except psycopg2.Error as error:
        raise CannotConnect(explain_connection_failure(url, error)) from error
    try:
        database.autocommit = True
        # before any setting: a pooler would pass it on to the application's sessions
        require_own_session(database, url)
        with database.cursor() as cursor:
            # Postgres then raises an error where a policy would hide rows: the sync must not take those for absent
            cursor.execute(f"set row_security = off; {NO_TIMEOUTS}")
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
