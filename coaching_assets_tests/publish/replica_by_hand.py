"""A replica that a test fills itself: a few columns of some tables, loaded by `merge_table` as dlt calls it."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.postgres.connection import connect
from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.publisher import Publisher
from coaching_assets.publish.sync import publish_group
from coaching_assets.publish.tables import group_of
from coaching_assets.replica.ownership import record_load
from coaching_assets.replica.schema_lock import prepare_database
from coaching_assets_tests.support.deployment import Database

COLUMNS = {
    "gong_email": ("id", "subject"),
    "gong_call": ("id", "workspace_id", "title"),
    "gong_call_context_integration": ("call_id", "object_id", "name", "object_type"),
    "gong_call_speaker": ("call_id", "id", "speaker_number"),
    "gong_transcript": ("call_id", "index", "workspace_id", "sentence"),
    "salesforce_opportunity": ("id", "name"),
}
"""The columns of each source table that tests fill, besides Fivetran's and dlt's."""

PUBLISHED = {"gong_email": "emails", "gong_call": "calls", "salesforce_opportunity": "opportunities"}
LABEL = {"gong_email": "subject", "gong_call": "title", "salesforce_opportunity": "name"}
TARGET_KEY = {
    "gong_email": "gong_email_id",
    "gong_call": "gong_call_id",
    "salesforce_opportunity": "gong_opportunity_id",
}
BY_VIEW = {table.view: table for table in SOURCE_TABLES}


class Replica:
    """Tables of the replica in a database of one test."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.connect() as connection:
            prepare_database(connection)
        for schema in database.settings.datasets.values():
            database.query(f"create schema {schema}; create schema {schema}_staging")
        for view in COLUMNS:
            self.create(view)

    def name(self, view: str, *, staging: bool = False) -> str:
        """The qualified name of a table."""
        schema = self.database.settings.datasets[BY_VIEW[view].source]
        return f"{schema}_staging.{BY_VIEW[view].name}" if staging else f"{schema}.{BY_VIEW[view].name}"

    def create(self, view: str) -> None:
        """Create an empty table and its staging table."""
        columns = ", ".join(f'"{column}" varchar' for column in COLUMNS[view])
        name = self.name(view)
        self.database.query(
            f"create table {name} ({columns}, _fivetran_synced timestamptz, _fivetran_deleted boolean,"
            f" _dlt_load_id varchar not null);"
            f"create unlogged table if not exists {self.name(view, staging=True)} (like {name})"
        )
        self.record(view)

    def record(self, view: str) -> None:
        """Put a table on record as this project's, as a load does."""
        with self.database.connect() as connection:
            record_load(connection, self.name(view).partition(".")[0], [BY_VIEW[view]])

    def load(self, view: str, load_id: str, rows: Iterable[Sequence[Any]], database: Connection | None = None) -> None:
        """Merge rows, in a transaction of their own or in that of a connection."""
        if database is None:
            with psycopg2.connect(self.database.url) as own:
                self.load(view, load_id, rows, own)
            own.close()
            return
        table, staging = BY_VIEW[view], self.name(view, staging=True)
        options = {
            "target": self.name(view),
            "staging": staging,
            "key": list(table.key),
            "lookups": [],
            "needed": list(table.needed),
            "delivered": None,
            "identities": [],
            "rows_staged": 0,
            "deletion_time": False,
        }
        with database.cursor() as cursor:
            cursor.execute(f"delete from {staging}")
            for row in rows:
                values = [*row, False][: len(COLUMNS[view]) + 1]
                places = ", ".join(["%s"] * len(values))
                cursor.execute(
                    f"insert into {staging} ({_quoted(COLUMNS[view])}, _fivetran_deleted, _fivetran_synced,"
                    f" _dlt_load_id) values ({places}, now(), %s)",
                    [*values, load_id],
                )
            cursor.execute("select coaching_sync.merge_table(%s)", [json.dumps(options)])

    def age(self, view: str, loads: int, *, first: int = 1_700_000_000) -> None:
        """Add so many loads of one row each, a quarter of an hour apart, with their records."""
        schema, name = self.name(view).split(".")
        columns, places = (
            COLUMNS[view],
            {"id": f"'{first} ' || n", "call_id": f"'{first} ' || n", "object_type": "'Deal'"},
        )
        values = ", ".join(places.get(column, f"'{column} ' || n") for column in columns)
        self.database.query(
            f"insert into {self.name(view)} ({_quoted(columns)}, _fivetran_synced, _dlt_load_id)"
            f" select {values}, to_timestamp(%s + 900 * n), (%s + 900 * n) || '.5' from generate_series(1, %s) as n;"
            " insert into coaching_sync.replica_loads"
            " (table_schema, table_name, load_id, rows_read, rows_inserted, rows_updated)"
            " select %s, %s, (%s + 900 * n) || '.5', 1, 1, 0 from generate_series(1, %s) as n;"
            f" analyze {self.name(view)}; analyze coaching_sync.replica_loads",
            [first, first, loads, schema, name, first, loads],
        )
        self.load(view, f"{first + 900 * (loads + 1)}.5", [])

    def wait_for_sessions(self) -> None:
        """Wait until no other session is left: only then are the figures of its work complete."""
        others = "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        while self.database.query(others):
            pass

    def publish(self, view: str) -> Outcome:
        """Publish the group that a source belongs to; the outcome of its root table."""
        group = group_of(PUBLISHED[view])
        outcomes = publish_group(self.database.settings, group, group.tables).outcomes
        return outcomes[group.root]

    def look(self, view: str) -> tuple[int, int]:
        """The loads that a publisher reads, and those of them that are new, of all sources of the group."""
        group = group_of(PUBLISHED[view])
        with connect(self.database.settings) as database, Publisher(database, self.database.settings).session() as own:
            own.find_new_loads(group, group.tables)
            with database.cursor() as cursor:
                cursor.execute("select (select count(*) from present_load), (select count(*) from new_load)")
                present, new = cursor.fetchone() or (0, 0)
        return present, new

    def labels(self, view: str) -> dict[str, str]:
        """The published rows' labels, by key."""
        query = sql.SQL("select {}, {} from {}").format(
            sql.Identifier(TARGET_KEY[view]), sql.Identifier(LABEL[view]), sql.Identifier(PUBLISHED[view])
        )
        with self.database.connect() as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return dict(cursor.fetchall())

    def reflected(self, view: str) -> tuple[int, tuple[str, str] | None]:
        """The listed loads of a source, for its root table, and the range."""
        parameters = [PUBLISHED[view], view]
        [(listed,)] = self.database.query(
            "select count(*) from coaching_sync.published_loads where (published_table, source_view) = (%s, %s)",
            parameters,
        )
        ranges = self.database.query(
            "select first_load, last_load from coaching_sync.published_ranges"
            " where (published_table, source_view) = (%s, %s) and last_load is not null",
            parameters,
        )
        return listed, (ranges[0][0], ranges[0][1]) if ranges else None


def _quoted(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
