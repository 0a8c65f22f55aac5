"""Batches of pending aggregates: one after the other on the publisher's connection, or several at once."""

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import monotonic

from psycopg2 import Error

from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.postgres.errors import concerns_row
from coaching_assets.postgres.locks import WORKERS_LOCK, bound_lock_waits, wait_for_advisory_lock
from coaching_assets.publish.cascades import DeletedAlong, forget_side_effects, require_no_side_effects
from coaching_assets.publish.isolation import reject_aggregate
from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.pace import FIRST_BATCH, Pace
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.session import fill_batch, prepare_session
from coaching_assets.publish.write import create_batch_tables, write_batch
from coaching_assets.settings import Settings


@dataclass(frozen=True)
class Written:
    """A written batch, and its outcome for each table."""

    aggregates: int
    outcomes: dict[str, Outcome]
    seconds: float
    deleted_along: tuple[DeletedAlong, ...] = ()
    """Errors of aggregates that were not written, because their deletion takes rows of the application along."""

    @property
    def locked(self) -> bool:
        """Whether rows were changed that others can see, and therefore wait for."""
        return any(outcome.updated + outcome.deleted + outcome.kept for outcome in self.outcomes.values())

    def joined(self, other: "Written") -> "Written":
        """Return this batch and another one as one; the outcomes are added to this batch's."""
        for name, outcome in other.outcomes.items():
            self.outcomes[name].add(outcome)
        return Written(
            self.aggregates + other.aggregates,
            self.outcomes,
            self.seconds + other.seconds,
            self.deleted_along + other.deleted_along,
        )


@dataclass
class PendingKeys:
    """The keys in `pending`, on the publisher's connection; each is handed out once."""

    database: Connection
    pending: int
    taken: int = 0

    @property
    def left(self) -> int:
        """The number of keys that are not handed out yet."""
        return self.pending - self.taken

    def take(self, most: int) -> list[str]:
        """Return up to `most` further keys; an empty list at the end."""
        with self.database.cursor() as cursor:
            cursor.execute(
                "select key from pending where place > %s and place <= %s order by place",
                (self.taken, self.taken + most),
            )
            keys = [key for (key,) in cursor.fetchall()]
        self.taken += len(keys)
        return keys


def write_in_turn(keys: PendingKeys, pace: Pace, group: Group, tables: Sequence[PublishedTable]) -> Iterator[Written]:
    """Write one batch after the other, each in a transaction; the last one stays open for the caller to complete."""
    batch = keys.take(pace.size)
    if batch:
        with keys.database.cursor() as cursor:
            create_batch_tables(cursor, group)
        # a batch that is rolled back keeps the tables
        keys.database.commit()
    while batch:
        written = write_apart(keys.database, group, tables, batch)
        pace.adjust(written.aggregates, written.seconds, locks=written.locked)
        batch = keys.take(pace.size)
        if batch:
            commit_batch(keys.database)
        yield written


def write_at_once(
    settings: Settings, keys: PendingKeys, pace: Pace, group: Group, tables: Sequence[PublishedTable]
) -> Iterator[Written]:
    """Write and commit several batches at a time, each on its own connection.

    Different aggregates have no row in common, so workers do not wait for one another. After a failure, no further
    batch starts.
    """
    workers = settings.publish_workers
    with ExitStack() as held, ThreadPoolExecutor(workers, "publisher") as pool:
        idle = [held.enter_context(_worker(settings, group)) for _ in range(workers)]
        running: dict[Future[Written], Connection] = {}
        while True:
            # smaller batches towards the end, so that all workers finish at about the same time
            while idle and (batch := keys.take(min(pace.size, max(FIRST_BATCH, keys.left // (2 * workers))))):
                database = idle.pop()
                running[pool.submit(_write_and_commit, database, group, tables, batch)] = database
            keys.database.commit()
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                idle.append(running.pop(future))
                written = future.result()
                pace.adjust(written.aggregates, written.seconds, locks=written.locked)
                yield written


@contextmanager
def _worker(settings: Settings, group: Group) -> Iterator[Connection]:
    with connect(settings) as database:
        wait_for_advisory_lock(database, "select pg_advisory_lock_shared(%s, %s)", WORKERS_LOCK)
        prepare_session(database, settings)
        with database.cursor() as cursor:
            create_batch_tables(cursor, group)
        bound_lock_waits(database, settings.publish_lock_seconds)
        database.commit()
        yield database


def write_apart(database: Connection, group: Group, tables: Sequence[PublishedTable], keys: Sequence[str]) -> Written:
    """Write the aggregates with these keys, in parts if Postgres rejects some of them; the last part is not committed.

    Most rejected rows are isolated within a batch. The parts are for errors that Postgres raises while rows are
    computed or at the end of the transaction, and for deletions that take rows of the application along.
    """
    try:
        return write_one_batch(database, group, tables, keys)
    except DeletedAlong as error:
        database.rollback()
        forget_side_effects(database)
        return _write_halves(database, group, tables, keys, error)
    except Error as error:
        if not concerns_row(error):
            raise
        database.rollback()
        return _write_strictly(database, group, tables, keys, error)


def write_one_batch(
    database: Connection, group: Group, tables: Sequence[PublishedTable], keys: Sequence[str], *, strict: bool = False
) -> Written:
    """Write the aggregates with these keys, without a commit.

    Args:
        strict: see `write_batch`.

    Raises:
        DeletedAlong: a trigger of the application deleted rows of its own along.
        UnreadableReference: a table that the database user cannot read references rows to delete.
    """
    started = monotonic()
    outcomes = {table.name: Outcome() for table in tables}
    with database.cursor() as cursor:
        fill_batch(cursor, keys)
        write_batch(database, group, tables, outcomes, strict=strict)
        # an error of a deferred constraint belongs to this batch, not to the commit
        cursor.execute("set constraints all immediate")
        if any(outcome.deleted for outcome in outcomes.values()):
            require_no_side_effects(cursor)
    return Written(len(keys), outcomes, monotonic() - started)


def _write_strictly(
    database: Connection, group: Group, tables: Sequence[PublishedTable], keys: Sequence[str], error: Error
) -> Written:
    """Check deferred constraints row by row; if that does not isolate the rows, write the halves of the keys."""
    try:
        written = write_one_batch(database, group, tables, keys, strict=True)
        # a root can be accepted together with its parts, although it is rejected without them
        roots_alone = len(group.tables) == 1 or len(keys) == 1
        if roots_alone or group.name not in written.outcomes or not written.outcomes[group.name].isolated:
            return written
    except (Error, DeletedAlong) as strict_error:
        if isinstance(strict_error, Error) and not concerns_row(strict_error):
            raise
    database.rollback()
    forget_side_effects(database)
    return _write_halves(database, group, tables, keys, error)


def _write_halves(
    database: Connection,
    group: Group,
    tables: Sequence[PublishedTable],
    keys: Sequence[str],
    error: Error | DeletedAlong,
) -> Written:
    """Write the halves of the keys, or reject the only key."""
    if len(keys) == 1:
        with database.cursor() as cursor:
            reject_aggregate(cursor, group, keys[0], error)
        outcomes = {table.name: Outcome(isolated=1) for table in tables}
        return Written(1, outcomes, 0.0, (error,) if isinstance(error, DeletedAlong) else ())
    middle = len(keys) // 2
    first = write_apart(database, group, tables, keys[:middle])
    commit_batch(database)
    return first.joined(write_apart(database, group, tables, keys[middle:]))


def _write_and_commit(
    database: Connection, group: Group, tables: Sequence[PublishedTable], keys: Sequence[str]
) -> Written:
    written = write_apart(database, group, tables, keys)
    commit_batch(database)
    return written


def commit_batch(database: Connection) -> None:
    """Commit a batch before the last one, by itself."""
    database.commit()
