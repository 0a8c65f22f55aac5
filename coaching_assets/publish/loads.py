"""The loads of the replica: which are present, which the published tables do not reflect, and their record.

A published table reflects a load if the load's id is in its range (`coaching_sync.published_ranges`) or in its list
(`coaching_sync.published_loads`). Any other load is new. Looking for new loads does not read the ids within the range,
so its cost does not depend on their number.

The range reaches from the oldest load to the newest but 100. It hides no load:

- A load enters the range after it was found, and in the transaction that publishes it. A crash or a rollback leaves
  the range as it was.
- A load may commit after loads with larger ids: it took longer, or the clock of its machine is late. `merge_table`
  records the transaction of each load in `replica_loads`, in that transaction. The range has the snapshot in which its
  loads were found. A load within the range is new if this snapshot does not see its transaction.
- Loads outside the range, older or newer ones, are found in the rows of the replica, whichever program wrote these.
  The newest 100 are among them.
- A replica table that was dropped, emptied or restored has another storage. Its range and its list are forgotten, so
  all of its loads are new. The same happens when the rules change.
- Release 0 reads the list only. It computes the rows of the loads in the range again.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.statements import template
from coaching_assets.publish.views import LOAD_ID, ReplicaTable

KEPT_LOADS = 100
"""Newest loads of a source that stay in the list."""

Range = tuple[str, str]
"""The first and the last load id."""


def create_load_tables(cursor: Cursor) -> None:
    """Create the temporary tables `present_load`, `new_load` and `source_state`."""
    for name in ("present_load", "new_load"):
        cursor.execute(sql.SQL("create temp table {} (source_view text, load_id text)").format(sql.Identifier(name)))
    cursor.execute(
        "create temp table source_state (source_view text, table_schema text, table_name text, storage oid,"
        " renewed boolean default false)"
    )


def find_all_loads(cursor: Cursor, group: Group, replica: Mapping[str, ReplicaTable]) -> None:
    """Fill `new_load` with all loads whose rows are in the group's sources."""
    _find_present_loads(cursor, group, replica, {})
    cursor.execute("truncate new_load")
    cursor.execute("insert into new_load select source_view, load_id from present_load")


def find_new_loads(
    cursor: Cursor,
    group: Group,
    tables: Sequence[PublishedTable],
    replica: Mapping[str, ReplicaTable],
    rule_version: str,
) -> str:
    """Fill `new_load` with the loads that one of the tables does not reflect; with all if its rules changed.

    Returns:
        The snapshot (`pg_snapshot`) of the database before the loads were looked for.
    """
    parameters = {"tables": [table.name for table in tables], "rule_version": rule_version}
    # first of all: loads that commit from now on may be seen twice, but not missed
    cursor.execute("select pg_current_snapshot()::text")
    (seen,) = cursor.fetchone() or ("",)
    _describe_sources(cursor, [replica[view] for view in group.sources])
    cursor.execute(read_sql(__package__, "forget_loads.sql"), parameters)
    cursor.execute(read_sql(__package__, "common_ranges.sql"), parameters)
    _find_present_loads(cursor, group, replica, {view: (first, last) for view, first, last in cursor.fetchall()})
    cursor.execute("truncate new_load")
    cursor.execute(read_sql(__package__, "new_loads.sql"), parameters)
    return str(seen)


def has_changed(cursor: Cursor, view: str) -> bool:
    """Return whether `find_new_loads` found new loads of a source, or that its rows must all be read again."""
    cursor.execute(
        "select exists (select from new_load where source_view = %(view)s)"
        " or exists (select from source_state where source_view = %(view)s and renewed)",
        {"view": view},
    )
    return cursor.fetchone() == (True,)


def record_loads(cursor: Cursor, table: PublishedTable, rule_version: str, started: datetime, seen: str) -> None:
    """Record that a table reflects the loads in `new_load`, by these rules, and forget loads that have no rows left.

    Args:
        cursor: in the transaction that publishes.
        table: the published table.
        rule_version: the rules that its rows were computed by.
        started: the database's time before the loads were looked for.
        seen: the snapshot that `find_new_loads` returned.
    """
    parameters = {"table": table.name, "seen": seen, "kept": KEPT_LOADS}
    for file in ("record_ranges.sql", "record_loads.sql", "drop_loads.sql"):
        cursor.execute(read_sql(__package__, file), parameters)
    cursor.execute(
        "insert into coaching_sync.published_tables (published_table, fingerprint, published_at)"
        " values (%s, %s, %s) on conflict (published_table)"
        " do update set fingerprint = excluded.fingerprint, published_at = excluded.published_at",
        (table.name, rule_version, started),
    )


def _describe_sources(cursor: Cursor, sources: Sequence[ReplicaTable]) -> None:
    """Fill `source_state`. A table's storage is another one after it was dropped, emptied or restored."""
    cursor.execute("truncate source_state")
    cursor.execute(
        "insert into source_state (source_view, table_schema, table_name, storage)"
        " select view, schema, name, pg_relation_filenode(to_regclass(format('%%I.%%I', schema, name)))"
        " from unnest(%s::text[], %s::text[], %s::text[]) as source (view, schema, name)",
        (
            [source.table.view for source in sources],
            [source.schema for source in sources],
            [source.table.name for source in sources],
        ),
    )


def _find_present_loads(
    cursor: Cursor, group: Group, replica: Mapping[str, ReplicaTable], ranges: Mapping[str, Range]
) -> None:
    """Fill `present_load` with the loads outside the ranges whose rows are in the group's sources."""
    cursor.execute("truncate present_load")
    for table in (replica[view] for view in group.sources if replica[view].exists):
        for within in _outside(ranges.get(table.table.view)):
            cursor.execute(
                template("present_loads.sql").format(
                    table=sql.Identifier(table.schema, table.table.name),
                    load_id=sql.Identifier(LOAD_ID),
                    view=sql.Literal(table.table.view),
                    within=within,
                )
            )


def _outside(range_: Range | None) -> Iterator[sql.Composable]:
    """Yield the conditions of the ids on either side of a range; of all ids without one."""
    if range_ is None:
        yield sql.SQL("true")
        return
    for comparison, bound in zip("<>", range_, strict=True):
        yield sql.SQL("{} " + comparison + " {}").format(sql.Identifier(LOAD_ID), sql.Literal(bound))
