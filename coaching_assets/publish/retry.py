"""Tries rejected rows again, so that a sync notices a repair in the application without a change at the source."""

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.errors import LOCK_ERROR, ROW_ERROR
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.statements import template, wanted_rows
from coaching_assets.publish.steps import Step, insert_step, some_rows, update_step
from coaching_assets.publish.write import create_batch_tables

MOST_TRIED = 20_000
"""Rejected rows of a table that a sync tries again. If it accepts one of them, all are computed again."""


def request_accepted(cursor: Cursor, group: Group) -> None:
    """Request the aggregates of rejected rows that Postgres would accept now.

    Each row is written as it was computed, and rolled back. That costs less than computing its aggregate again, and a
    row whose source changed is computed again anyway.
    """
    cursor.execute(
        "select distinct published_table from coaching_sync.rejected_rows"
        " where published_table = any(%s) and wanted_row is not null",
        ([table.name for table in group.tables],),
    )
    names = {name for (name,) in cursor.fetchall()}
    if not names:
        return
    create_batch_tables(cursor, group)
    for table in group.tables:
        if table.name in names:
            _request_accepted(cursor, group, table)


def _request_accepted(cursor: Cursor, group: Group, table: PublishedTable) -> None:
    parts = {"wanted": wanted_rows(table), "table_name": sql.Literal(table.name), "group": sql.Literal(group.name)}
    cursor.execute(sql.SQL("truncate {}").format(wanted_rows(table)))
    cursor.execute(template("rejected_rows.sql").format(most=sql.Literal(MOST_TRIED), **parts))
    is_part = cursor.rowcount == MOST_TRIED
    updates, inserts = update_step(table), insert_step(table)
    cursor.execute(
        template("request_accepted.sql").format(updated=updates.places, inserted=inserts.places, **parts),
        {
            "updates": _statements(cursor, updates),
            "inserts": _statements(cursor, inserts),
            "row_error": ROW_ERROR,
            "lock_error": LOCK_ERROR,
        },
    )
    if is_part and cursor.rowcount:
        # the rule that rejected them may be gone
        cursor.execute(template("request_rejected.sql").format(**parts))


def _statements(cursor: Cursor, step: Step) -> list[str]:
    return [statement.as_string(cursor) for statement in step.build(some_rows(step.rows))]
