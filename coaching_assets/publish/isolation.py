"""Isolates rows that Postgres rejects, or that the application holds locked, so that all others are published.

A batch is first written at once. Only if that fails, its steps run through `coaching_sync.write_isolated`, which halves
the computed rows until a rejected one is alone.
"""

from collections.abc import Iterable, Sequence

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import Json

from coaching_assets.postgres.errors import LOCK_ERROR, ROW_ERROR, concerns_lock, concerns_row
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.cascades import children_of
from coaching_assets.publish.checks import RowsMissing
from coaching_assets.publish.published_table import Group, Parent, PublishedTable
from coaching_assets.publish.statements import (
    changed_rows,
    join_root,
    publishable,
    root_key,
    same_key,
    stale_rows,
    template,
    wanted_rows,
)
from coaching_assets.publish.steps import Step, some_rows

name = sql.Identifier

LOCKED = "locked"
"""Why an aggregate is held back if another transaction kept one of its rows locked."""


def can_be_isolated(error: Exception) -> bool:
    """Return whether an error may concern some of a batch's rows only."""
    return isinstance(error, RowsMissing) or concerns_row(error) or concerns_lock(error)


def run_isolated(cursor: Cursor, step: Step) -> list[int]:
    """Run a step so that rejected and locked rows do not stop the others; record their places in `isolated_place`.

    Returns:
        The number of rows that each statement wrote.

    Raises:
        psycopg2.Error: the error does not concern one row, or a lock does not.
    """
    statements = [statement.as_string(cursor) for statement in step.build(some_rows(step.rows))]
    if not statements:
        return []
    cursor.execute(
        sql.SQL("select coaching_sync.write_isolated(%s, %s, %s, array({}), %s, %s)").format(step.places),
        (step.table.name, step.is_deletion, statements, ROW_ERROR, LOCK_ERROR),
    )
    return list((cursor.fetchone() or ([],))[0])


def lock_rows(cursor: Cursor, group: Group, tables: Sequence[PublishedTable]) -> None:
    """Isolate the computed rows that another transaction has locked, without waiting for it.

    Raises:
        psycopg2.Error: a table is locked as a whole.
    """
    names = sql.SQL(", ").join([name(table.name) for table in tables])
    cursor.execute(sql.SQL("lock table {} in row exclusive mode").format(names))
    for table in tables:
        parts = {"table": name(table.name), "table_name": sql.Literal(table.name), "wanted": wanted_rows(table)}
        cursor.execute(template("lock_rows.sql").format(updated=changed_rows(table), **parts))
        for parent in _references(table):
            cursor.execute(
                template("lock_parents.sql").format(
                    parent=name(parent.table),
                    column=name(parent.column),
                    publishable=publishable(table),
                    same_key=same_key(table, "row", "wanted"),
                    **parts,
                )
            )
        take_out_wanted(cursor, group, table)


def lock_stale(cursor: Cursor, group: Group, table: PublishedTable) -> None:
    """Lock the stale rows and those that their deletion cascades to; isolate the ones that others have locked."""
    parts = {
        "table": name(table.name),
        "table_name": sql.Literal(table.name),
        "stale": stale_rows(table),
        "same_key": same_key(table, "row", "stale"),
    }
    cursor.execute(template("lock_stale.sql").format(**parts))
    for child in children_of(cursor, table):
        cursor.execute(
            template("lock_cascaded.sql").format(
                child=name(child.table), references=child.pairs("child", "row"), **parts
            )
        )
    take_out_stale(cursor, group, table)


def isolate_discarded(cursor: Cursor, table: PublishedTable) -> None:
    """Isolate the rows that are missing after they were written, unless all are: then nothing can be written."""
    cursor.execute(
        template("isolate_discarded.sql").format(
            wanted=wanted_rows(table),
            table=name(table.name),
            table_name=sql.Literal(table.name),
            same_key=same_key(table, "row", "wanted"),
            publishable=publishable(table),
        )
    )


def take_out_wanted(cursor: Cursor, group: Group, table: PublishedTable) -> int:
    """Take isolated rows out of the rows that a table should have, each root with its parts; return their number."""
    cursor.execute(
        template("isolate_wanted.sql").format(
            wanted=wanted_rows(table), table_name=sql.Literal(table.name), key=wanted_key(group, table)
        )
    )
    isolated = cursor.rowcount
    cursor.execute("delete from isolated_place where not is_deletion and published_table = %s", (table.name,))
    if isolated and table is group.root:
        for part in group.tables[1:]:
            _take_out_aggregate(cursor, group, part)
    return isolated


def take_out_stale(cursor: Cursor, group: Group, table: PublishedTable) -> int:
    """Take isolated rows out of the stale rows of a table; return their number."""
    cursor.execute(
        template("isolate_stale.sql").format(
            stale=stale_rows(table),
            table=name(table.name),
            table_name=sql.Literal(table.name),
            root_key=root_key(group, table),
            key=stale_key(group, table),
            same_key=same_key(table, "row", "taken"),
            join_root=join_root(group, table),
        )
    )
    isolated = cursor.rowcount
    cursor.execute("delete from isolated_place where is_deletion and published_table = %s", (table.name,))
    return isolated


def wanted_key(group: Group, table: PublishedTable) -> sql.Composed:
    """Return the JSON object that names a row `wanted` in `rejected_rows`."""
    columns = [] if table is group.root else table.natural_key or table.key
    return _key(group, table, name("wanted", "aggregate_key"), "wanted", columns)


def stale_key(group: Group, table: PublishedTable) -> sql.Composed:
    """Return the JSON object that names a published `row` in `rejected_rows`."""
    columns = [] if table is group.root else table.key
    return _key(group, table, root_key(group, table), "row", columns)


def record_isolated(cursor: Cursor, group: Group, *, strict: bool) -> None:
    """Record the batch's rejected rows, and request the aggregates that have to be computed again.

    Args:
        strict: whether a rejected root may be accepted once it is written with its parts.
    """
    views = {table.name: table.row_source for table in group.tables}
    cursor.execute(
        read_sql(__package__, "record_isolated.sql"),
        {"group": group.name, "views": Json(views), "strict": strict, "locked": LOCKED},
    )


def reject_aggregate(cursor: Cursor, group: Group, aggregate_key: str, error: Exception) -> None:
    """Record an aggregate that cannot be written, and request it for the next sync."""
    diagnostics = getattr(error, "diag", None)
    cursor.execute(
        "insert into isolated_row (published_table, aggregate_key, key, reason, sqlstate, constraint_name, is_deletion)"
        " values (%s, %s, jsonb_build_object(%s, %s), %s, %s, %s, false)",
        (
            *(group.name, aggregate_key, group.key_column, aggregate_key),
            getattr(diagnostics, "message_primary", None) or str(error),
            getattr(error, "pgcode", None),
            getattr(diagnostics, "constraint_name", None),
        ),
    )
    record_isolated(cursor, group, strict=True)


def _take_out_aggregate(cursor: Cursor, group: Group, part: PublishedTable) -> None:
    assert part.root_parent is not None
    cursor.execute(
        template("isolate_aggregate.sql").format(
            root=name(group.name),
            root_name=sql.Literal(group.name),
            root_key=name(group.key_column),
            table=name(part.name),
            wanted=wanted_rows(part),
            stale=stale_rows(part),
            is_stale=same_key(part, "row", "stale"),
            parent_column=name(part.root_parent.column),
        )
    )


def _references(table: PublishedTable) -> list[Parent]:
    return [*table.parents, *([table.waits_for] if table.waits_for else [])]


def _key(
    group: Group, table: PublishedTable, aggregate_key: sql.Identifier, row: str, columns: Iterable[str]
) -> sql.Composed:
    to_root = table.root_parent.column if table.root_parent else None
    fields = [sql.SQL("{}, {}").format(sql.Literal(group.key_column), aggregate_key)]
    fields += [sql.SQL("{}, {}").format(sql.Literal(c), name(row, c)) for c in columns if c != to_root]
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(fields))
