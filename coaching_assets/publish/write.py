"""Writes one batch: computes the rows as they should be, compares, and writes only the differences."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.tables import count_rows
from coaching_assets.publish.cascades import blocker, children_of
from coaching_assets.publish.checks import count_findings, record_findings, require_accounted_for
from coaching_assets.publish.ordering import in_order_of_computation
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.reject import record_rejected, record_waiting
from coaching_assets.publish.statements import (
    delete_query,
    insert_query,
    mark_kept_query,
    publishable,
    release_queries,
    same_key,
    stale_query,
    stale_rows,
    template,
    update_query,
    wanted_rows,
)
from coaching_assets.publish.tables import GROUPS

if TYPE_CHECKING:
    from coaching_assets.publish.outcome import Outcome


def write_batch(
    database: Connection, group: Group, tables: Sequence[PublishedTable], outcomes: Mapping[str, "Outcome"]
) -> None:
    """Bring the rows of the aggregates in `batch` up to date, within the current transaction.

    All tables of the group are computed, because they read one another. Only the given ones are written.
    """
    with database.cursor() as cursor:
        compute_batch(cursor, group, lock=True)
        for table in tables:
            _leave_out_orphans(cursor, table, {t.name for t in group.tables} - {t.name for t in tables})
        for table in tables:
            _write_rows(cursor, group, table, outcomes[table.name])
        for table in reversed(tables):
            outcome = outcomes[table.name]
            cursor.execute(delete_query(table))
            outcome.deleted += cursor.rowcount
            outcome.kept += _mark_kept(cursor, table)


def _write_rows(cursor: Cursor, group: Group, table: PublishedTable, outcome: "Outcome") -> None:
    record_rejected(cursor, table)
    record_waiting(cursor, group, table)
    if table is group.root:
        _release_children(cursor, group)
    if "before.sql" in table.sql:
        cursor.execute(table.sql["before.sql"])
    wanted = _count_publishable(cursor, table)
    outcome.considered += wanted
    update = update_query(table)
    if update is not None:
        cursor.execute(update)
        outcome.updated += cursor.rowcount
    cursor.execute(insert_query(table))
    outcome.inserted += cursor.rowcount
    require_accounted_for(table, wanted, _count_present(cursor, table))
    record_findings(cursor, table)


def _leave_out_orphans(cursor: Cursor, table: PublishedTable, not_written: set[str]) -> None:
    """Leave out references to rows that do not exist because their table is not written this time.

    These rows are pending again with that table, because its loads count as new until then.
    """
    for parent in table.parents:
        if parent.table not in not_written:
            continue
        change = "update {rows} as wanted set {column} = null" if parent.optional else "delete from {rows} as wanted"
        cursor.execute(
            sql.SQL(
                f"{change} where not exists (select from {{parent}} as parent where parent.id = wanted.{{column}})"
            ).format(rows=wanted_rows(table), column=sql.Identifier(parent.column), parent=sql.Identifier(parent.table))
        )


def _release_children(cursor: Cursor, group: Group) -> None:
    """Let rows of other aggregates that reference the stale roots wait for these, before the roots are deleted."""
    for child_group in GROUPS:
        for child in child_group.tables:
            if child.waits_for is not None and child.waits_for.table == group.name:
                for statement in release_queries(group, child_group, child):
                    cursor.execute(statement)


def create_batch_tables(cursor: Cursor, group: Group) -> None:
    """Create the temporary tables that `compute_batch` fills, once per session and group.

    Tables created for each batch would fill Postgres's lock table, because a transaction keeps all its locks:
    https://www.postgresql.org/docs/current/runtime-config-locks.html
    """
    for table in in_order_of_computation(group):
        cursor.execute(
            template("create_wanted.sql").format(wanted=wanted_rows(table), rows=sql.SQL(table.sql["rows.sql"]))
        )
    for table in group.tables:
        cursor.execute(template("create_stale.sql").format(stale=stale_rows(table), rows=stale_query(group, table)))


def compute_batch(cursor: Cursor, group: Group, *, lock: bool) -> None:
    """Compute the batch's rows as they should be, and the stale ones, into temporary tables.

    Args:
        cursor: in a session of the publisher, with the group's batch tables created and `batch` filled.
        lock: whether to lock the stale rows. A plan, which deletes nothing, does not.
    """
    tables = [rows(table) for table in group.tables for rows in (wanted_rows, stale_rows)]
    cursor.execute(sql.SQL("truncate {}").format(sql.SQL(", ").join(tables)))
    for table in in_order_of_computation(group):
        _compute(cursor, table)
    for table in group.tables:
        _find_stale(cursor, group, table, lock)


def count_open(database: Connection, table: PublishedTable, outcome: "Outcome") -> None:
    """Count the rows of a table that are rejected, that wait, and that a check found."""
    with database.cursor() as cursor:
        cursor.execute("select count(*) from coaching_sync.rejected_rows where published_table = %s", (table.name,))
        outcome.rejected = (cursor.fetchone() or (0,))[0]
        cursor.execute(
            "select coalesce(sum(rows), 0)::bigint from coaching_sync.waiting_rows where published_table = %s",
            (table.name,),
        )
        outcome.waiting = (cursor.fetchone() or (0,))[0]
        outcome.findings = count_findings(cursor, table)


def count_table(database: Connection, table: PublishedTable, outcome: "Outcome") -> None:
    """Count the rows of a table, or estimate their number if it is large."""
    outcome.row_count = count_rows(database, sql.Identifier(table.name))


def _compute(cursor: Cursor, table: PublishedTable) -> None:
    cursor.execute(sql.SQL("insert into {} {}").format(wanted_rows(table), sql.SQL(table.sql["rows.sql"])))
    cursor.execute(sql.SQL("analyze {}").format(wanted_rows(table)))


def _find_stale(cursor: Cursor, group: Group, table: PublishedTable, lock: bool) -> None:
    """Find the rows that should not exist, and mark those that rows of the application reference.

    The rows are locked before the references are read. A reference that the application adds meanwhile is either seen
    here, or has to wait.
    """
    cursor.execute(
        sql.SQL("insert into {} select *, false from ({}) as found").format(
            stale_rows(table), stale_query(group, table)
        )
    )
    if cursor.rowcount == 0:
        return
    if lock:
        _lock_stale(cursor, table)
    referenced = blocker(cursor, table)
    if referenced is not None:
        cursor.execute(
            sql.SQL("update {} as stale set blocked = true from {} as row where row.id = stale.id and ({})").format(
                stale_rows(table), sql.Identifier(table.name), referenced
            )
        )


def _lock_stale(cursor: Cursor, table: PublishedTable) -> None:
    """Lock the stale rows, and the published rows that their deletion cascades to."""
    stale = sql.SQL("from {} as row where exists (select from {} as stale where {})").format(
        sql.Identifier(table.name), stale_rows(table), same_key(table, "row", "stale")
    )
    cursor.execute(sql.SQL("select {} for update").format(stale))
    for child in children_of(cursor, table):
        cursor.execute(
            sql.SQL("select from {} as child where ({}) in (select {} {}) for update").format(
                sql.Identifier(child.table),
                sql.SQL(", ").join(sql.Identifier("child", column) for column in child.columns),
                sql.SQL(", ").join(sql.Identifier("row", column) for column in child.referenced),
                stale,
            )
        )


def _count_publishable(cursor: Cursor, table: PublishedTable) -> int:
    cursor.execute(sql.SQL("select count(*) from {} as wanted where {}").format(wanted_rows(table), publishable(table)))
    return int((cursor.fetchone() or (0,))[0])


def _count_present(cursor: Cursor, table: PublishedTable) -> int:
    cursor.execute(
        sql.SQL("select count(*) from {wanted} as wanted join {table} as row on {key} where {publishable}").format(
            wanted=wanted_rows(table),
            table=sql.Identifier(table.name),
            key=same_key(table, "row", "wanted"),
            publishable=publishable(table),
        )
    )
    return int((cursor.fetchone() or (0,))[0])


def _mark_kept(cursor: Cursor, table: PublishedTable) -> int:
    """Mark the stale rows that stay; return their number."""
    statement = mark_kept_query(table)
    if statement is not None:
        cursor.execute(statement)
    cursor.execute(sql.SQL("select count(*) from {} where blocked").format(stale_rows(table)))
    return int((cursor.fetchone() or (0,))[0])
