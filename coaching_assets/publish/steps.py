"""The statements that write a batch's rows, as steps that run for all of the rows at once or for some of them."""

from collections.abc import Callable
from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.publish.deletion import Build
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.statements import (
    changed_rows,
    insert_query,
    mark_kept_query,
    missing_rows,
    release_queries,
    stale_rows,
    update_query,
    wanted_rows,
)
from coaching_assets.publish.tables import GROUPS


@dataclass(frozen=True)
class Step:
    """Statements that write one table from a temporary table of the batch.

    Args:
        table: the table that is written.
        rows: the temporary table.
        places: a query of the places (ctid) of its rows that would be written.
        build: returns the statements for a table, or a query of some of its rows.
    """

    table: PublishedTable
    rows: sql.Identifier
    places: sql.Composable
    build: Build
    is_deletion: bool = False


Run = Callable[[Cursor, Step], list[int]]
"""Runs a step and returns the numbers of rows that its statements wrote."""


def run_at_once(cursor: Cursor, step: Step) -> list[int]:
    """Run a step's statements on all rows of the batch."""
    counts = []
    for statement in step.build(None):
        cursor.execute(statement)
        counts.append(cursor.rowcount)
    return counts


def some_rows(rows: sql.Identifier) -> sql.Composed:
    """Return a query of the rows of a temporary table whose places are `$1`."""
    return sql.SQL("(select * from {} where ctid = any ($1))").format(rows)


def update_step(table: PublishedTable) -> Step:
    """Return the step that updates the rows that differ; it does nothing if the table has only its key."""

    def build(rows: sql.Composable | None) -> list[sql.Composed]:
        update = update_query(table, rows)
        return [] if update is None else [update]

    return Step(table, wanted_rows(table), sql.SQL("select wanted.ctid {}").format(changed_rows(table)), build)


def insert_step(table: PublishedTable) -> Step:
    """Return the step that inserts the rows that are missing."""

    def build(rows: sql.Composable | None) -> list[sql.Composed]:
        return [insert_query(table, rows)]

    return Step(table, wanted_rows(table), sql.SQL("select wanted.ctid {}").format(missing_rows(table)), build)


def delete_step(group: Group, table: PublishedTable, deletions: Build) -> Step:
    """Return the step that deletes stale rows by the statements of `delete_rows`, which come last.

    Rows of other aggregates that reference a stale root wait for it, before it is deleted.
    """

    def build(rows: sql.Composable | None) -> list[sql.Composed]:
        released = _released(group, rows) if table is group.root else []
        return [*released, *deletions(rows)]

    places = sql.SQL("select ctid from {} where not blocked").format(stale_rows(table))
    return Step(table, stale_rows(table), places, build, is_deletion=True)


def mark_step(table: PublishedTable) -> Step:
    """Return the step that marks stale rows that stay."""

    def build(rows: sql.Composable | None) -> list[sql.Composed]:
        mark = mark_kept_query(table, rows)
        return [] if mark is None else [mark]

    places = sql.SQL("select ctid from {} where blocked").format(stale_rows(table))
    return Step(table, stale_rows(table), places, build, is_deletion=True)


def _released(group: Group, rows: sql.Composable | None) -> list[sql.Composed]:
    return [
        statement
        for child_group in GROUPS
        for child in child_group.tables
        if child.waits_for is not None and child.waits_for.table == group.name
        for statement in release_queries(group, child_group, child, rows)
    ]
