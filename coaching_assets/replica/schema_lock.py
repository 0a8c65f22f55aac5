"""The lock on loading into a schema, and the session settings of a load."""

from collections.abc import Iterator
from contextlib import contextmanager

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
from coaching_assets.replica.placement import STAGING


def prepare_database(database: Connection) -> None:
    """Bring the schema `coaching_sync` to this program's version, and bound every later wait for a lock."""
    ensure_schema(database)
    bound_lock_waits(database, TABLE_LOCK_SECONDS)


@contextmanager
def schema_lock(database: Connection, schema: str) -> Iterator[None]:
    """Hold the lock on loading into a schema. Two loads at once would collide on dlt's own tables.

    Raises:
        TableLocked: another session held a lock on a table for too long; the message names it.
    """
    wait_for_advisory_lock(database, "select pg_advisory_lock(%s, hashtext(%s))", (LOCK_CLASS, f"replica {schema}"))
    try:
        yield
    except Exception as error:
        if has_state(error, LOCK_TIMEOUT):
            if not database.autocommit:
                database.rollback()
            raise table_locked(database, [schema, STAGING.format(schema), SCHEMA]) from error
        raise
    finally:
        if not database.closed:
            with database.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s, hashtext(%s))", (LOCK_CLASS, f"replica {schema}"))
