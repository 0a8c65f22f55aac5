"""The one function that deletes published rows, or rows of the replica. Each row needs a reason."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.errors import CoachingError
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.statements import join_root, root_key, same_key, stale_query, stale_rows, template

Reason = Literal["deleted at the source", "superseded", "rejected", "vanished from the source"]
REASONS: tuple[Reason, ...] = get_args(Reason)
VANISHED: Reason = "vanished from the source"
BECAUSE: dict[Reason, str] = {
    "deleted at the source": "Their source rows have the deleted flag.",
    "superseded": "Their source rows now belong to other rows.",
    "rejected": "Their source rows can no longer be published.",
    VANISHED: "The replica lacks their source rows. They stay until a reconciliation finds that BigQuery does, too.",
}
"""What each reason for a deletion says about the rows."""

Build = Callable[[sql.Composable | None], list[sql.Composed]]
"""Returns the statements that delete all named rows, or those in a query of some of them."""


class NoReason(CoachingError):
    """Rows were to be deleted without a known reason. Nothing was deleted."""


@dataclass(frozen=True)
class Doomed:
    """Rows of a table to delete.

    Args:
        table: the table; `row` in the conditions.
        rows: the temporary table that names the rows, with a column `reason`; `stale` in the conditions.
        same: the condition that `stale` names `row`.
        unless: the condition, in SQL, under which a named row stays.
    """

    table: sql.Identifier
    rows: sql.Identifier
    same: sql.Composable
    unless: str = "false"


def stale_of(table: PublishedTable) -> Doomed:
    """Return the stale rows of a batch that no row of the application references."""
    return Doomed(sql.Identifier(table.name), stale_rows(table), same_key(table, "row", "stale"), "stale.blocked")


def delete_rows(cursor: Cursor, doomed: Doomed, run: Callable[[Build], list[int]] | None = None) -> Counter[str]:
    """Delete rows that have a known reason.

    Args:
        cursor: in the transaction of everything else that belongs to the deletion.
        doomed: the rows.
        run: runs the statements and returns the number of rows of each, those of the deletion last; None: runs them for
            all rows. It is not called if there is no row to delete.

    Returns:
        The number of deleted rows by reason.

    Raises:
        NoReason: a row that would be deleted has no known reason.
    """
    reasons = sorted(count_reasons(cursor, doomed))
    if unknown := ", ".join(reason for reason in reasons if reason not in REASONS):
        raise NoReason(
            f"Rows of {doomed.table.as_string(cursor)} would be deleted without a known reason: {unknown}."
            f" Nothing was deleted. Let the query of these rows select one of these reasons: {', '.join(REASONS)}."
        )
    if not reasons:
        return Counter()
    counts = (run or partial(_run_at_once, cursor))(partial(deletions, doomed, reasons))
    deleted = zip(reasons, counts[-len(reasons) :], strict=True)
    return Counter({reason: rows for reason, rows in deleted if rows})


def count_reasons(cursor: Cursor, doomed: Doomed) -> Counter[str]:
    """Return the number of rows that would be deleted, by reason; `null` for none."""
    cursor.execute(template("count_reasons.sql").format(rows=doomed.rows, unless=sql.SQL(doomed.unless)))
    return Counter(dict(cursor.fetchall()))


def deletions(doomed: Doomed, reasons: Sequence[str], some: sql.Composable | None = None) -> list[sql.Composed]:
    """Return one statement per reason that deletes rows, or those in a query of some of the naming rows."""
    return [
        template("delete.sql").format(
            table=doomed.table,
            rows=some or doomed.rows,
            same=doomed.same,
            unless=sql.SQL(doomed.unless),
            reason=sql.Literal(reason),
        )
        for reason in reasons
    ]


def fill_stale_query(group: Group, table: PublishedTable) -> sql.Composed:
    """Return the statement that fills the temporary table of a batch's stale rows, each with its reason."""
    return template("fill_stale.sql").format(
        stale=stale_rows(table),
        rows=stale_query(group, table),
        key=sql.SQL(", ").join(map(sql.Identifier, table.key)),
    )


def keep_unproven_query(group: Group, table: PublishedTable) -> sql.Composed:
    """Return the statement that takes those rows out of the stale ones that perhaps only the replica lost."""
    return template("keep_unproven.sql").format(group_name=sql.Literal(group.name), **_parts(group, table))


def find_lacking(cursor: Cursor, group: Group, table: PublishedTable) -> set[str]:
    """Return the aggregates of a batch that would lose a row only because the replica lacks it."""
    cursor.execute(template("lacking.sql").format(**_parts(group, table)))
    return {key for (key,) in cursor.fetchall()}


def _parts(group: Group, table: PublishedTable) -> dict[str, sql.Composable]:
    return {
        "stale": stale_rows(table),
        "table": sql.Identifier(table.name),
        "same_key": same_key(table, "row", "stale"),
        "join_root": join_root(group, table),
        "root_key": root_key(group, table),
        "vanished": sql.Literal(VANISHED),
    }


def _run_at_once(cursor: Cursor, build: Build) -> list[int]:
    counts = []
    for statement in build(None):
        cursor.execute(statement)
        counts.append(cursor.rowcount)
    return counts
