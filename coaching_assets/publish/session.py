"""Prepares a connection for publishing: search path, and the temporary views and tables that the SQL reads."""

from collections.abc import Mapping, Sequence

from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.connection import Connection, use_schema
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.views import ReplicaTable, create_views
from coaching_assets.settings import Settings

SESSION_SETTINGS = {"work_mem": "64MB", "jit": "off", "default_statistics_target": "10", "random_page_cost": "1.1"}
"""Batches are small: they are sorted in memory, and compiling their statements or sampling 30,000 rows for statistics
takes longer than running them. The default page cost is for rotating disks; with it, Postgres would read whole tables
instead of looking rows up by index."""


def prepare_session(database: Connection, settings: Settings) -> dict[str, ReplicaTable]:
    """Prepare a connection, in its current transaction. The schema `coaching_sync` must exist.

    Returns:
        The tables of the replica as they are now, by the name of their view.
    """
    with database.cursor() as cursor:
        cursor.execute("set time zone 'UTC'")
        for name, value in SESSION_SETTINGS.items():
            cursor.execute("select set_config(%s, %s, false)", (name, value))
        # a pooler hands on server connections, whose counters of deleted rows are not reset otherwise
        cursor.execute("select pg_stat_force_next_flush()")
    use_schema(database, settings.coaching_schema)
    replica = create_views(database, settings)
    with database.cursor() as cursor:
        _create_parameters(cursor, settings, replica)
    return replica


def _create_parameters(cursor: Cursor, settings: Settings, replica: Mapping[str, ReplicaTable]) -> None:
    cursor.execute(
        "create temp table company_domain as select unnest(%s::text[]) as domain", (list(settings.company_domains),)
    )
    cursor.execute(
        "create temp table source_table as select * from unnest(%s::text[], %s::boolean[]) as known (view, present)",
        (list(replica), [table.exists for table in replica.values()]),
    )
    cursor.execute("create temp table batch (key text primary key)")
    cursor.execute(read_sql(__package__, "isolated_tables.sql"))


def fill_batch(cursor: Cursor, keys: Sequence[str]) -> None:
    """Fill `batch` with these keys."""
    cursor.execute("truncate batch")
    cursor.execute("insert into batch select unnest(%s::text[])", (list(keys),))
    cursor.execute("analyze batch")
