"""The lock on loading into a schema, and the session settings of a load."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from threading import Event, Thread

import psycopg2

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.errors import has_state
from coaching_assets.postgres.locks import (
    LOCK_CLASS,
    LOCK_TIMEOUT,
    TABLE_LOCK_SECONDS,
    bound_lock_waits,
    table_locked,
    wait_for_advisory_lock,
)
from coaching_assets.postgres.migrate import SCHEMA, ensure_schema
from coaching_assets.schema_names import STAGING

PING_SECONDS = 20.0
"""Interval of the statements that keep the lock's session alive. Proxies cut sessions that are idle for 30 s."""


@dataclass(frozen=True)
class LoadLock:
    """A held lock: the text that its key is a hash of, and the server process that holds it."""

    key: str
    process: int

    @property
    def requirement(self) -> str:
        """The statement that fails if the lock is lost. In a transaction, it also keeps the next holder waiting."""
        key = self.key.replace("'", "''")
        return f"select coaching_sync.require_load_lock('{key}', {self.process})"


def prepare_database(database: Connection) -> None:
    """Bring the schema `coaching_sync` to this program's version, and bound every later wait for a lock."""
    ensure_schema(database)
    bound_lock_waits(database, TABLE_LOCK_SECONDS)


@contextmanager
def schema_lock(database: Connection, schema: str) -> Iterator[LoadLock]:
    """Hold the lock on loading into a schema. Two loads at once would collide on dlt's own tables.

    The lock lasts as long as the session, which may end: the server restarts or suspends, or a load balancer cuts the
    connection. Every other session of a load therefore runs `LoadLock.requirement` in the transaction that writes.

    Raises:
        TableLocked: another session held a lock on a table for too long; the message names it.
    """
    lock = _acquire(database, f"replica {schema}")
    try:
        with _kept_alive(database) if database.autocommit else nullcontext():
            yield lock
    except Exception as error:
        if has_state(error, LOCK_TIMEOUT):
            if not database.autocommit:
                database.rollback()
            raise table_locked(database, [schema, STAGING.format(schema), SCHEMA]) from error
        raise
    finally:
        if not database.closed:
            with database.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s, hashtext(%s))", (LOCK_CLASS, lock.key))


def _acquire(database: Connection, key: str) -> LoadLock:
    """Take the lock, then wait for transactions of a former holder whose session ended."""
    writing = (LOCK_CLASS, f"writing {key}")
    wait_for_advisory_lock(
        database,
        "select pg_advisory_lock(%s, hashtext(%s)), pg_advisory_lock(%s, hashtext(%s)),"
        " pg_advisory_unlock(%s, hashtext(%s))",
        (LOCK_CLASS, key, *writing, *writing),
    )
    with database.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        (process,) = cursor.fetchone() or (0,)
    return LoadLock(key, process)


@contextmanager
def _kept_alive(database: Connection) -> Iterator[None]:
    """Run an empty statement now and then. A lost session shows in the next statement that needs it, not here."""
    ended = Event()

    def ping() -> None:
        while not ended.wait(PING_SECONDS):
            with suppress(psycopg2.Error), database.cursor() as cursor:
                cursor.execute("select")

    thread = Thread(target=ping, name="ping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
