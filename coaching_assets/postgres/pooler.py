"""Recognizes a connection pooler that gives each transaction another session of the server.

A sync needs one session from its beginning to its end: its settings, advisory locks and temporary tables do not
survive the end of a transaction there.
"""

from contextlib import closing

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import parse_dsn

from coaching_assets.database_url import addresses, hosts
from coaching_assets.postgres.errors import CannotConnect

POOLER_PORTS = frozenset({"6432", "6543"})
"""pgbouncer's, and Supabase's for its transaction mode."""

ROUNDS = 5
"""Comparisons of two connections. One is enough, unless other clients use the pooler at the same time."""

_keep_sessions: set[str] = set()
"""URLs of poolers that were found to keep sessions, so that a process compares only once."""


class NoSession(CannotConnect):
    """The server is a pooler that keeps no session; the message names the remedy."""


def is_pooled(database: Connection) -> bool:
    """Whether a pooler is in between: it invents the process id that a server sends with a new connection."""
    return _process(database) != database.info.backend_pid


def names_pooler(url: str) -> bool:
    """Whether the host or the port is that of a well-known pooler."""
    return any("-pooler" in host or port in POOLER_PORTS for host, port in hosts(parse_dsn(url)))


def require_own_session(database: Connection, url: str) -> None:
    """Check that the connection is a session of the server.

    A pooler in transaction mode betrays itself: two connections that are open at the same time share a process of the
    server, or one connection meets several.

    Args:
        database: commits each statement, and no setting was made on it.
        url: what `connection_url` returned.

    Raises:
        NoSession: it is a pooler in transaction mode.
        CannotConnect: the pooler has no second connection.
    """
    process = _process(database)
    if (process == database.info.backend_pid and not names_pooler(url)) or url in _keep_sessions:
        return
    try:
        with closing(psycopg2.connect(url)) as other:
            other.autocommit = True
            if any(_process(other) == process or _process(database) != process for _ in range(ROUNDS)):
                raise NoSession(f"DATABASE_URL: {addresses(parse_dsn(url))} {TRANSACTION_MODE} {_remedy(url)}")
    except psycopg2.Error as error:
        raise CannotConnect(
            f"DATABASE_URL: the connection pooler {addresses(parse_dsn(url))} has no second connection"
            f" ({str(error).strip()}). Point DATABASE_URL at the direct host."
        ) from error
    _keep_sessions.add(url)


TRANSACTION_MODE = (
    "is a connection pooler in transaction mode. Session settings, advisory locks and temporary tables do not survive"
    " a transaction there, and a sync needs them."
)


def _remedy(url: str) -> str:
    host, port = hosts(parse_dsn(url))[0]
    if "-pooler" in host:
        return "Point DATABASE_URL at the direct host: remove -pooler from the host name."
    if port == "6543":
        return "Point DATABASE_URL at the direct host or at the pooler's session mode: port 5432."
    return "Point DATABASE_URL at the direct host, or at a pooler in session mode."


def _process(database: Connection) -> int:
    with database.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        (process,) = cursor.fetchone() or (0,)
    return int(process)
