"""The publisher: finds the pending aggregates and brings the application's tables up to date, batch by batch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from psycopg2 import sql

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.locks import PUBLISHER_LOCK, WORKERS_LOCK, bound_lock_waits, wait_for_advisory_lock
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.publish import loads
from coaching_assets.publish.application import require_application_tables
from coaching_assets.publish.batches import PendingKeys, Written, write_at_once, write_in_turn
from coaching_assets.publish.cascades import DeletedAlong
from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.pace import Pace
from coaching_assets.publish.pending import pending_query
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.reject import record_keyless
from coaching_assets.publish.retry import request_accepted
from coaching_assets.publish.rule_version import rule_version
from coaching_assets.publish.session import prepare_session
from coaching_assets.publish.sync_status import write_status
from coaching_assets.publish.tables import GROUPS
from coaching_assets.publish.views import ReplicaTable
from coaching_assets.publish.write import count_open, count_table
from coaching_assets.settings import Settings

Progress = Callable[[int, int], None]


@dataclass
class Publisher:
    """A publishing session on a connection of its own: temporary views, search path, advisory lock.

    If many aggregates are pending, further connections write them. This one holds the lock and records what is
    published.
    """

    database: Connection
    settings: Settings
    replica: dict[str, ReplicaTable] = field(init=False)

    @contextmanager
    def session(self) -> Iterator["Publisher"]:
        """Prepare the connection and hold the lock until the end.

        Raises:
            MissingTables: the application's tables, or some of their columns, do not exist.
        """
        wait_for_advisory_lock(
            self.database,
            "select pg_advisory_lock(%s, %s), pg_advisory_lock(%s, %s), pg_advisory_unlock(%s, %s)",
            (*PUBLISHER_LOCK, *WORKERS_LOCK, *WORKERS_LOCK),
        )
        self.prepare()
        self.database.commit()
        try:
            yield self
        finally:
            if not self.database.closed:
                self.database.rollback()
                with self.database.cursor() as cursor:
                    cursor.execute("select pg_advisory_unlock(%s, %s)", PUBLISHER_LOCK)
                self.database.commit()

    def prepare(self) -> None:
        """Prepare the connection, in its current transaction: bookkeeping, search path, views over the replica.

        Raises:
            MissingTables: the application's tables, or some of their columns, do not exist.
        """
        require_application_tables(self.database, self.settings.coaching_schema)
        ensure_schema(self.database)
        self.replica = prepare_session(self.database, self.settings)
        with self.database.cursor() as cursor:
            loads.create_load_tables(cursor)
            cursor.execute("create temp table pending (key text, place bigint primary key)")

    def stopped(self, table: PublishedTable) -> str | None:
        """Return why a table cannot be published: its sources lack a required column, or belong to others."""
        group = next(group for group in GROUPS if table in group.tables)
        if conflicts := self.conflicts(group):
            return " ".join(conflicts)
        sources = [self.replica[view] for view in table.sources]
        with self.database.cursor() as cursor:
            cursor.execute(
                "select string_agg(reason, ' ' order by table_schema, table_name) from coaching_sync.source_tables"
                " where missing_columns is not null and (table_schema, table_name) in"
                " (select * from unnest(%s::text[], %s::text[]))",
                ([source.schema for source in sources], [source.table.name for source in sources]),
            )
            row = cursor.fetchone()
        return row[0] if row else None

    def conflicts(self, group: Group) -> list[str]:
        """Return a sentence per source table of a group that belongs to somebody else.

        The tables of a group are computed from one another, so none of them can be published then.
        """
        sources = [self.replica[view] for view in group.sources]
        return list(dict.fromkeys(source.conflict for source in sources if source.conflict))

    def publish(
        self, group: Group, tables: Sequence[PublishedTable], progress: Progress | None = None
    ) -> dict[str, Outcome]:
        """Bring the given tables of a group up to date with the replica.

        Each batch is a transaction. The last one also records the published loads, so that a crash repeats work and
        never skips any.

        Args:
            group: the tables that are computed together.
            tables: those of them that are written.
            progress: called after each batch with the numbers of published and of pending aggregates.

        Returns:
            The outcome of each table, by name.

        Raises:
            DeletedAlong: a trigger of the application deleted rows of its own along. That deletion was rolled back,
                and everything else was published.
        """
        outcomes = {table.name: Outcome() for table in tables}
        # in this order, so that no query reads a whole table while rows are locked
        bound_lock_waits(self.database, self.settings.publish_lock_seconds)
        started = self._database_time()
        version, seen = self.find_new_loads(group, tables)
        for table in tables:
            self._record_keyless(group, table)
            outcomes[table.name].newest_source_time = self._newest_source_time(table)
        self._begin_attempt(group)
        pending, done = self.find_pending(group), 0
        # a batch that fails is rolled back alone
        self.database.commit()
        stopped: list[DeletedAlong] = []
        for written in self._write(group, tables, pending):
            done += written.aggregates
            stopped += written.deleted_along
            for name, outcome in written.outcomes.items():
                outcomes[name].add(outcome)
            if progress is not None and done < pending:
                progress(done, pending)
        self._record_published(group, tables, version, started, seen)
        self._write_sync_status(tables, outcomes)
        self.database.commit()
        self._record_row_counts(tables, outcomes)
        if stopped:
            raise stopped[0]
        if progress is not None and pending:
            progress(pending, pending)
        return outcomes

    def find_new_loads(self, group: Group, tables: Sequence[PublishedTable]) -> tuple[str, str]:
        """Fill `new_load` with the loads that one of the tables does not reflect.

        Returns:
            The version of the rules that the tables are published by, and the snapshot before the loads were read.
        """
        with self.database.cursor() as cursor:
            version = rule_version(cursor, self.settings, group, self.replica)
            return version, loads.find_new_loads(cursor, group, tables, self.replica, version)

    def find_all_loads(self, group: Group) -> None:
        """Treat all of the replica's loads as new."""
        with self.database.cursor() as cursor:
            loads.find_all_loads(cursor, group, self.replica)

    def find_pending(self, group: Group) -> int:
        """Fill `pending` with the group's aggregates that `new_load`, a parent's arrival or a request makes pending.

        Returns:
            Their number.
        """
        with self.database.cursor() as cursor:
            cursor.execute("truncate pending")
            cursor.execute(
                sql.SQL(
                    "insert into pending select key, row_number() over (order by key) from ({} union select key"
                    " from coaching_sync.requested_aggregates where group_name = {}) as found where key <> ''"
                ).format(pending_query(cursor, group), sql.Literal(group.name))
            )
            count = cursor.rowcount
            cursor.execute("analyze pending")
        return count

    def _begin_attempt(self, group: Group) -> None:
        """Forget why aggregates were held back, and request those of rejected rows that Postgres would accept now.

        Aggregates that are held back again stay requested after this attempt.
        """
        with self.database.cursor() as cursor:
            request_accepted(cursor, group)
            cursor.execute(
                "update coaching_sync.requested_aggregates set held_back = null"
                " where group_name = %s and held_back is not null",
                (group.name,),
            )

    def _record_keyless(self, group: Group, table: PublishedTable) -> None:
        """Record the rows without a key, unless nothing can have changed about them."""
        with self.database.cursor() as cursor:
            cursor.execute(
                "select exists (select from coaching_sync.requested_aggregates where group_name = %s and key = '')",
                (group.name,),
            )
            is_requested = cursor.fetchone() == (True,)
            if is_requested or loads.has_changed(cursor, table.row_source):
                record_keyless(self.database, table, self.replica[table.row_source].table)

    def _write(self, group: Group, tables: Sequence[PublishedTable], pending: int) -> Iterator[Written]:
        """Write all pending aggregates: several batches at once if they do not fit into one."""
        keys = PendingKeys(self.database, pending)
        pace = Pace(self.settings.publish_batch_size, self.settings.publish_batch_seconds)
        if self.settings.publish_workers == 1 or pending <= self.settings.publish_batch_size:
            return write_in_turn(keys, pace, group, tables)
        return write_at_once(self.settings, keys, pace, group, tables)

    def _record_published(
        self, group: Group, tables: Sequence[PublishedTable], version: str, started: datetime, seen: str
    ) -> None:
        with self.database.cursor() as cursor:
            if len(tables) == len(group.tables):
                cursor.execute(
                    "delete from coaching_sync.requested_aggregates where group_name = %s"
                    " and (key = '' or key in (select key from pending)) and held_back is null",
                    (group.name,),
                )
            for table in tables:
                loads.record_loads(cursor, table, version, started, seen)

    def _write_sync_status(self, tables: Sequence[PublishedTable], outcomes: dict[str, Outcome]) -> None:
        for table in tables:
            count_open(self.database, table, outcomes[table.name])
            write_status(self.database, table, outcomes[table.name], self.replica)

    def _record_row_counts(self, tables: Sequence[PublishedTable], outcomes: dict[str, Outcome]) -> None:
        for table in tables:
            count_table(self.database, table, outcomes[table.name])

    def _database_time(self) -> datetime:
        with self.database.cursor() as cursor:
            cursor.execute("select now()")
            row = cursor.fetchone()
        assert row is not None
        time: datetime = row[0]
        return time

    def _newest_source_time(self, table: PublishedTable) -> datetime | None:
        times: list[datetime] = []
        with self.database.cursor() as cursor:
            for view in table.sources:
                if self.replica[view].exists:
                    cursor.execute(sql.SQL("select max(synced_at) from {}").format(sql.Identifier(view)))
                    times += [row[0] for row in cursor.fetchall() if row[0] is not None]
        return max(times, default=None)
