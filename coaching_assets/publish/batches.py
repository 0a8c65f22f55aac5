"""Batches of due aggregates: one after the other on the publisher's own connection, or several at once."""

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import monotonic

from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.postgres.locks import WORKERS_LOCK
from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.pace import FIRST_BATCH, Pace
from coaching_assets.publish.session import bound_lock_waits, fill_batch, prepare_session
from coaching_assets.publish.tables import Group, PublishedTable, TableName
from coaching_assets.publish.write import write_batch
from coaching_assets.settings import Settings


@dataclass(frozen=True)
class Written:
    """A batch that was written, and what that did to each table."""

    aggregates: int
    outcomes: dict[TableName, Outcome]
    seconds: float

    @property
    def locked(self) -> bool:
        """Whether rows were changed that others could see, and had to wait for."""
        return any(outcome.updated + outcome.deleted + outcome.kept for outcome in self.outcomes.values())


@dataclass
class DueList:
    """The aggregates in `due`, of the publisher's connection, each of which is handed out once."""

    database: Connection
    due: int
    taken: int = 0

    @property
    def left(self) -> int:
        """How many are not handed out yet."""
        return self.due - self.taken

    def take(self, most: int) -> list[str]:
        """The keys of the next ones; none at the end."""
        with self.database.cursor() as cursor:
            cursor.execute(
                "select key from due where place > %s and place <= %s order by place", (self.taken, self.taken + most)
            )
            keys = [key for (key,) in cursor.fetchall()]
        self.taken += len(keys)
        return keys


def write_in_turn(due: DueList, pace: Pace, group: Group, tables: Sequence[PublishedTable]) -> Iterator[Written]:
    """Write one batch after the other, each in a transaction; the last one's stays open, for what is to go with it."""
    keys = due.take(pace.size)
    while keys:
        written = write_one_batch(due.database, group, tables, keys)
        pace.adjust(written.aggregates, written.seconds, locks=written.locked)
        keys = due.take(pace.size)
        if keys:
            commit_batch(due.database)
        yield written


def write_at_once(
    settings: Settings, due: DueList, pace: Pace, group: Group, tables: Sequence[PublishedTable]
) -> Iterator[Written]:
    """Write several batches at a time, each on a connection of its own, and commit them.

    An aggregate is in one batch only, and batches of different aggregates change no row in common: workers do not wait
    for one another. Where one fails, no further batch is begun.
    """
    workers = settings.publish_workers
    with ExitStack() as held, ThreadPoolExecutor(workers, "publisher") as pool:
        idle = [held.enter_context(_worker(settings)) for _ in range(workers)]
        running: dict[Future[Written], Connection] = {}
        while True:
            # smaller ones towards the end, so that nobody waits long for the last
            while idle and (keys := due.take(min(pace.size, max(FIRST_BATCH, due.left // (2 * workers))))):
                database = idle.pop()
                running[pool.submit(_write_and_commit, database, group, tables, keys)] = database
            due.database.commit()
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                idle.append(running.pop(future))
                written = future.result()
                pace.adjust(written.aggregates, written.seconds, locks=written.locked)
                yield written


@contextmanager
def _worker(settings: Settings) -> Iterator[Connection]:
    with connect(settings) as database:
        with database.cursor() as cursor:
            cursor.execute("select pg_advisory_lock_shared(%s, %s)", WORKERS_LOCK)
        prepare_session(database, settings)
        bound_lock_waits(database, settings)
        database.commit()
        yield database


def write_one_batch(
    database: Connection, group: Group, tables: Sequence[PublishedTable], keys: Sequence[str]
) -> Written:
    """Write the aggregates with these keys, without a commit."""
    started = monotonic()
    outcomes = {table.name: Outcome() for table in tables}
    with database.cursor() as cursor:
        fill_batch(cursor, keys)
    write_batch(database, group, tables, outcomes)
    return Written(len(keys), outcomes, monotonic() - started)


def _write_and_commit(
    database: Connection, group: Group, tables: Sequence[PublishedTable], keys: Sequence[str]
) -> Written:
    written = write_one_batch(database, group, tables, keys)
    commit_batch(database)
    return written


def commit_batch(database: Connection) -> None:
    """Commit a batch before the last one, by itself."""
    database.commit()
