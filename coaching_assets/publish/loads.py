"""The loads of the replica: which are present, which the published tables do not reflect, and their record."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.statements import template
from coaching_assets.publish.views import LOAD_ID, ReplicaTable


def create_load_tables(cursor: Cursor) -> None:
    """Create the temporary tables `present_load` and `new_load`."""
    for name in ("present_load", "new_load"):
        cursor.execute(sql.SQL("create temp table {} (source_view text, load_id text)").format(sql.Identifier(name)))


def find_present_loads(cursor: Cursor, group: Group, replica: Mapping[str, ReplicaTable]) -> None:
    """Fill `present_load` with the loads whose rows are in the group's sources."""
    cursor.execute("truncate present_load")
    for table in (replica[view] for view in group.sources if replica[view].exists):
        cursor.execute(
            template("present_loads.sql").format(
                table=sql.Identifier(table.schema, table.table.name),
                load_id=sql.Identifier(LOAD_ID),
                view=sql.Literal(table.table.view),
            )
        )


def find_new_loads(cursor: Cursor, tables: Sequence[PublishedTable], rule_version: str) -> None:
    """Fill `new_load` with the present loads that one of the tables does not reflect; with all if its rules changed."""
    names = [table.name for table in tables]
    cursor.execute("truncate new_load")
    cursor.execute(
        "delete from coaching_sync.published_loads where published_table in"
        " (select name from unnest(%s) as name"
        "  except select published_table from coaching_sync.published_tables where fingerprint = %s)",
        (names, rule_version),
    )
    cursor.execute(
        "insert into new_load select source_view, load_id from present_load"
        " where (select count(*) from coaching_sync.published_loads as published where"
        " published.source_view = present_load.source_view and published.load_id = present_load.load_id"
        " and published.published_table = any(%s)) < %s",
        (names, len(names)),
    )


def use_present_loads(cursor: Cursor) -> None:
    """Fill `new_load` with all present loads."""
    cursor.execute("truncate new_load")
    cursor.execute("insert into new_load select source_view, load_id from present_load")


def record_loads(cursor: Cursor, table: PublishedTable, rule_version: str, started: datetime) -> None:
    """Record that a table reflects the loads in `new_load`, by these rules, and forget loads that have no rows left.

    Args:
        started: the database's time before the loads were looked for.
    """
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
        (table.name, rule_version, started),
    )
