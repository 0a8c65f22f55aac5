"""A connection prepared for publishing: search path, temporary views and tables that the SQL files read."""

from collections.abc import Mapping, Sequence

from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.connection import Connection, use_schema
from coaching_assets.publish.views import ReplicaTable, create_views
from coaching_assets.settings import Settings

SESSION_SETTINGS = {"work_mem": "64MB", "jit": "off", "default_statistics_target": "10", "random_page_cost": "1.1"}
"""A batch of transcripts is sorted in memory; compiling its statements, and sampling thirty thousand of its rows for
statistics, would take longer than running them. Its rows are looked up by index, which the default for rotating disks
takes to be dearer than reading the whole table."""


def prepare_session(database: Connection, settings: Settings) -> dict[str, ReplicaTable]:
    """Prepare a connection, in its current transaction; the bookkeeping and its functions must be there.

    Returns:
        The tables of the replica as they stand, by the name of their view.
    """
    with database.cursor() as cursor:
        cursor.execute("set time zone 'UTC'")
        for name, value in SESSION_SETTINGS.items():
            cursor.execute("select set_config(%s, %s, false)", (name, value))
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


def bound_lock_waits(database: Connection, settings: Settings) -> None:
    """Let no statement wait for a lock longer than the setting says, for the rest of the session."""
    with database.cursor() as cursor:
        cursor.execute("set lock_timeout = %s", (f"{settings.publish_lock_seconds}s",))


def fill_batch(cursor: Cursor, keys: Sequence[str]) -> None:
    """Let `batch` be these aggregates."""
    cursor.execute("truncate batch")
    cursor.execute("insert into batch select unnest(%s::text[])", (list(keys),))
    cursor.execute("analyze batch")
