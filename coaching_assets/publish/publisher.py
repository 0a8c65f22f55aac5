"""The publisher: finds the aggregates that are due and brings the application's tables up to date, batch by batch."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from psycopg2 import sql

from coaching_assets.postgres.connection import Connection, read_sql
from coaching_assets.postgres.locks import PUBLISHER_LOCK, WORKERS_LOCK, wait_for_advisory_lock
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.publish import write as writing
from coaching_assets.publish.application import require_application_tables
from coaching_assets.publish.batches import DueList, Written, write_at_once, write_in_turn
from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.pace import Pace
from coaching_assets.publish.pending import due_query
from coaching_assets.publish.reject import note_keyless
from coaching_assets.publish.session import bound_lock_waits, prepare_session
from coaching_assets.publish.sync_status import write_status
from coaching_assets.publish.tables import Group, PublishedTable, TableName
from coaching_assets.publish.views import LOAD_ID, ReplicaTable
from coaching_assets.settings import Settings

Progress = Callable[[int, int], None]


@dataclass
class Publisher:
    """A publishing session on one connection, which it owns: temporary views, search path, advisory lock.

    Where much is due, further connections write it; this one holds the lock and says what is published.
    """

    database: Connection
    settings: Settings
    replica: dict[str, ReplicaTable] = field(init=False)

    @contextmanager
    def session(self) -> Iterator["Publisher"]:
        """Prepare the connection and hold the lock until the end.

        Raises:
            MissingTables: the application's tables, or columns of theirs, are not there.
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

    def stopped(self, table: PublishedTable) -> str | None:
        """Why a table is not published for now: the source lacks a required column of a table that it is made of."""
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

    def publish(
        self, group: Group, tables: Sequence[PublishedTable], progress: Progress | None = None
    ) -> dict[TableName, Outcome]:
        """Bring the given tables of a group up to date with the replica.

        Each batch is a transaction of its own. What is published is noted with the last one, so that a crash repeats
        and never skips.

        Args:
            group: the tables that are computed together.
            tables: those of them that are to be written.
            progress: called after each batch with the aggregates done and those due.
        """
        outcomes = {table.name: Outcome() for table in tables}
        # in this order: whatever reads whole tables is done before the first row is locked, or after the last
        bound_lock_waits(self.database, self.settings)
        started = self._database_time()
        for table in tables:
            note_keyless(self.database, table, self.replica[table.row_source].table)
            outcomes[table.name].newest_source_time = self._newest_source_time(table)
        self._find_new_loads(group, tables)
        due = self.find_due(group)
        done = 0
        for written in self._write(group, tables, due):
            done += written.aggregates
            for name, outcome in written.outcomes.items():
                outcomes[name].add(outcome)
            if progress is not None and done < due:
                progress(done, due)
        self._record_published(group, tables, started)
        self._write_sync_status(tables, outcomes)
        self.database.commit()
        self._record_row_counts(tables, outcomes)
        if progress is not None and due:
            progress(due, due)
        return outcomes

    def _database_time(self) -> datetime:
        with self.database.cursor() as cursor:
            cursor.execute("select now()")
            row = cursor.fetchone()
        assert row is not None
        time: datetime = row[0]
        return time

    def _write(self, group: Group, tables: Sequence[PublishedTable], due: int) -> Iterator[Written]:
        """Write all that is due, in several batches at once where it is more than one batch may hold."""
        keys = DueList(self.database, due)
        pace = Pace(self.settings.publish_batch_size, self.settings.publish_batch_seconds)
        if self.settings.publish_workers == 1 or due <= self.settings.publish_batch_size:
            return write_in_turn(keys, pace, group, tables)
        return write_at_once(self.settings, keys, pace, group, tables)

    def prepare(self) -> None:
        """Prepare the connection, in its current transaction: bookkeeping, search path, views over the replica.

        Raises:
            MissingTables: the application's tables, or columns of theirs, are not there.
        """
        require_application_tables(self.database, self.settings.coaching_schema)
        ensure_schema(self.database)
        self.replica = prepare_session(self.database, self.settings)
        with self.database.cursor() as cursor:
            cursor.execute("create temp table present_load (source_view text, load_id text)")
            cursor.execute("create temp table new_load (source_view text, load_id text)")
            cursor.execute("create temp table due (key text, place bigint primary key)")

    def _find_new_loads(self, group: Group, tables: Sequence[PublishedTable]) -> None:
        """Fill `new_load` with the loads that one of the tables does not reflect yet; all, where the rules changed."""
        fingerprint = self._fingerprint(group)
        names = [table.name for table in tables]
        self.find_present_loads(group)
        with self.database.cursor() as cursor:
            cursor.execute("truncate new_load")
            cursor.execute(
                "delete from coaching_sync.published_loads where published_table in"
                " (select name from unnest(%s) as name"
                "  except select published_table from coaching_sync.published_tables where fingerprint = %s)",
                (names, fingerprint),
            )
            cursor.execute(
                "insert into new_load select source_view, load_id from present_load"
                " where (select count(*) from coaching_sync.published_loads as published where"
                " published.source_view = present_load.source_view and published.load_id = present_load.load_id"
                " and published.published_table = any(%s)) < %s",
                (names, len(names)),
            )

    def find_present_loads(self, group: Group) -> None:
        """Fill `present_load` with the loads of which rows stand in the tables that the group is made of."""
        with self.database.cursor() as cursor:
            cursor.execute("truncate present_load")
            for view in group.sources:
                if self.replica[view].is_there:
                    cursor.execute(self._present_loads(self.replica[view]), (view,))

    @staticmethod
    def _present_loads(table: ReplicaTable) -> sql.Composed:
        """The distinct load ids of a replica table, hopping through their index instead of reading it all."""
        parts = {"table": sql.Identifier(table.schema, table.table.name), "load_id": sql.Identifier(LOAD_ID)}
        return sql.SQL(
            "insert into present_load with recursive hop (load_id) as ("
            " (select {load_id}::text from {table} order by {load_id} limit 1) union all"
            " select (select {load_id}::text from {table} where {load_id} > hop.load_id order by {load_id} limit 1)"
            " from hop where hop.load_id is not null)"
            " select %s, load_id from hop where load_id is not null"
        ).format(**parts)

    def find_due(self, group: Group) -> int:
        """Fill `due` with the group's aggregates that `new_load`, a parent's arrival or a request makes due.

        Returns:
            How many these are.
        """
        with self.database.cursor() as cursor:
            cursor.execute("truncate due")
            cursor.execute(
                sql.SQL(
                    "insert into due select key, row_number() over (order by key) from ({} union select key"
                    " from coaching_sync.requested_aggregates where group_name = {}) as found where key <> ''"
                ).format(sql.SQL(due_query(cursor, group)), sql.Literal(group.name))
            )
            count = cursor.rowcount
            cursor.execute("analyze due")
        return count

    def _record_published(self, group: Group, tables: Sequence[PublishedTable], started: datetime) -> None:
        fingerprint = self._fingerprint(group)
        with self.database.cursor() as cursor:
            if len(tables) == len(group.tables):
                cursor.execute(
                    "delete from coaching_sync.requested_aggregates where group_name = %s"
                    " and key in (select key from due)",
                    (group.name,),
                )
            for table in tables:
                cursor.execute(
                    "insert into coaching_sync.published_loads (published_table, source_view, load_id)"
                    " select %s, source_view, load_id from new_load on conflict do nothing",
                    (table.name,),
                )
                cursor.execute(
                    "delete from coaching_sync.published_loads as published where published_table = %s"
                    " and not exists (select from present_load where present_load.source_view = published.source_view"
                    " and present_load.load_id = published.load_id)",
                    (table.name,),
                )
                cursor.execute(
                    "insert into coaching_sync.published_tables (published_table, fingerprint, published_at)"
                    " values (%s, %s, %s) on conflict (published_table)"
                    " do update set fingerprint = excluded.fingerprint, published_at = excluded.published_at",
                    (table.name, fingerprint, started),
                )

    def _write_sync_status(self, tables: Sequence[PublishedTable], outcomes: dict[TableName, Outcome]) -> None:
        for table in tables:
            writing.count_open(self.database, table, outcomes[table.name])
            write_status(self.database, table, outcomes[table.name], self.replica)

    def _record_row_counts(self, tables: Sequence[PublishedTable], outcomes: dict[TableName, Outcome]) -> None:
        for table in tables:
            writing.note_row_count(self.database, table, outcomes[table.name])

    def _fingerprint(self, group: Group) -> str:
        """The rules and settings that the group's rows depend on besides the replica's."""
        rules = [read_sql(__package__, f"{table.name}.sql") for table in group.tables]
        # not the functions of `coaching_sync` that these call: one that changes gets a new name
        rules += [repr(self.settings.company_domains)]
        rules += [self.settings.coaching_schema, *(repr(self.replica[view].table) for view in group.sources)]
        rules += [f"{view} {self.replica[view].schema} {self.replica[view].is_there}" for view in group.sources]
        return hashlib.sha256("\n".join(rules).encode()).hexdigest()

    def _newest_source_time(self, table: PublishedTable) -> datetime | None:
        times: list[datetime] = []
        with self.database.cursor() as cursor:
            for view in table.sources:
                if self.replica[view].is_there:
                    cursor.execute(sql.SQL("select max(synced_at) from {}").format(sql.Identifier(view)))
                    times += [row[0] for row in cursor.fetchall() if row[0] is not None]
        return max(times, default=None)
