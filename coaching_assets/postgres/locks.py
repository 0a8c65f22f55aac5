"""Advisory locks, and the sessions that block us."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql

LOCK_CLASS = 0x636F6163
"""First half of this project's advisory locks ("coac"). It keeps them apart from those of other programs."""

PUBLISHER_LOCK = (LOCK_CLASS, 1)
"""Held by the one publisher at a time."""

MIGRATION_LOCK = (LOCK_CLASS, 2)
"""Held while the schema `coaching_sync` changes. Release 0 takes the same lock when it reinstalls its functions."""

WORKERS_LOCK = (LOCK_CLASS, 3)
"""Shared by the workers of a publisher. After a publisher is killed, the next one waits for the last of its workers."""

TABLE_LOCK_SECONDS = 15
"""Longest wait for a lock on a table of the replica or of `coaching_sync`."""

LOCK_TIMEOUT = "55P03"


class TableLocked(CoachingError):
    """Another session holds a lock that conflicts with ours; the message names the session."""


class Blocker(NamedTuple):
    """A session that holds locks on our tables."""

    pid: int
    application_name: str
    query_start: datetime | None
    tables: list[str]

    def __str__(self) -> str:
        """Process id, application and start of its query."""
        name = f" ({self.application_name})" if self.application_name else ""
        since = f", query started {self.query_start:%Y-%m-%d %H:%M:%S %Z}" if self.query_start else ""
        return f"process {self.pid}{name}{since}, on {', '.join(self.tables)}"


def wait_for_advisory_lock(database: Connection, statement: str, parameters: Sequence[object]) -> None:
    """Take an advisory lock, however long others hold it. No lock timeout of the server or the role applies."""
    with database.cursor() as cursor:
        cursor.execute("set lock_timeout = 0")
        cursor.execute(statement, parameters)
        cursor.execute("reset lock_timeout")


def bound_lock_waits(database: Connection, seconds: float) -> None:
    """Let no statement of this session wait longer than this for a lock."""
    with database.cursor() as cursor:
        cursor.execute("set lock_timeout = %s", (f"{seconds}s",))


def blockers(database: Connection, schemas: Sequence[str]) -> list[Blocker]:
    """List the other sessions that hold locks on tables of the schemas."""
    with database.cursor() as cursor:
        cursor.execute(read_sql(__package__, "blockers.sql"), {"schemas": list(schemas)})
        return [Blocker(*row) for row in cursor.fetchall()]


def table_locked(database: Connection, schemas: Sequence[str]) -> TableLocked:
    """Make the error for a lock that this session waited for in vain."""
    found = blockers(database, schemas)
    who = "; ".join(map(str, found)) or "none any more"
    return TableLocked(
        f"A table of {', '.join(schemas)} stayed locked for {TABLE_LOCK_SECONDS} s. Sessions that hold locks: {who}."
        " The next sync tries again; end a session that is stuck."
    )
