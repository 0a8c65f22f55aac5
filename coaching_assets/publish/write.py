"""Writes one batch: computes the rows as they should be, compares, and writes only the differences."""

from collections.abc import Mapping, Sequence
from typing import Literal

from psycopg2 import Error, sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.errors import concerns_lock
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import count_rows
from coaching_assets.publish.cascades import blocker, children_of
from coaching_assets.publish.checks import RowsMissing, count_findings, record_findings, require_accounted_for
from coaching_assets.publish.deletion import delete_rows, fill_stale_query, keep_unproven_query, stale_of
from coaching_assets.publish.isolation import (
    LOCKED,
    can_be_isolated,
    isolate_discarded,
    lock_rows,
    lock_stale,
    record_isolated,
    run_isolated,
    take_out_stale,
    take_out_wanted,
)
from coaching_assets.publish.ordering import in_order_of_computation
from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.reject import record_rejected, record_waiting
from coaching_assets.publish.statements import publishable, same_key, stale_query, stale_rows, template, wanted_rows
from coaching_assets.publish.steps import Run, delete_step, insert_step, mark_step, run_at_once, update_step

Lock = Literal["no", "wait", "skip"]
"""How stale rows are locked: "skip" isolates rows that others have locked. A plan, which deletes nothing, locks none.
It also finds the rows that stay until BigQuery was asked for them."""


def write_batch(
    database: Connection,
    group: Group,
    tables: Sequence[PublishedTable],
    outcomes: Mapping[str, Outcome],
    *,
    strict: bool = False,
) -> None:
    """Bring the rows of the aggregates in `batch` up to date, within the current transaction.

    All tables of the group are computed, because they read one another. Only the given ones are written. Rows that
    Postgres rejects, and rows that the application holds locked, are recorded, and the others are written.

    Args:
        strict: whether deferred constraints are checked for each row, not at the end of the transaction.

    Raises:
        psycopg2.Error: the error does not concern single rows, or it is raised while the rows are computed.
        RowsMissing: a trigger or a rule of the application discards all rows of a table.
    """
    with database.cursor() as cursor:
        if strict:
            cursor.execute("set constraints all immediate")
        isolates = _compute_and_lock(cursor, group)
        for table in tables:
            _leave_out_orphans(cursor, table, {t.name for t in group.tables} - {t.name for t in tables})
        cursor.execute("savepoint computed")
        try:
            written = _write_at_once(cursor, group, tables)
        except (Error, RowsMissing) as error:
            if not can_be_isolated(error):
                raise
            cursor.execute("rollback to savepoint computed")
            if concerns_lock(error):
                lock_rows(cursor, group, tables)
            written, isolates = _write_isolated(cursor, group, tables), True
        if isolates:
            record_isolated(cursor, group, strict=strict)
        cursor.execute("release savepoint computed")
        for table in tables:
            outcomes[table.name].add(written[table.name])


def _compute_and_lock(cursor: Cursor, group: Group) -> bool:
    """Compute the batch's rows and lock the stale ones; return whether some were isolated, because others lock them."""
    cursor.execute("savepoint started")
    try:
        compute_batch(cursor, group, lock="wait")
    except Error as error:
        if not concerns_lock(error):
            raise
        cursor.execute("rollback to savepoint started")
        compute_batch(cursor, group, lock="skip")
        return True
    cursor.execute("release savepoint started")
    return False


def _write_at_once(cursor: Cursor, group: Group, tables: Sequence[PublishedTable]) -> dict[str, Outcome]:
    outcomes = {table.name: Outcome() for table in tables}
    for table in tables:
        _write_rows(cursor, table, outcomes[table.name], run_at_once)
        _require_present(cursor, table, outcomes[table.name])
    for table in reversed(tables):
        _delete_rows(cursor, group, table, outcomes[table.name], run_at_once)
    for table in tables:
        _record(cursor, group, table)
    return outcomes


def _write_isolated(cursor: Cursor, group: Group, tables: Sequence[PublishedTable]) -> dict[str, Outcome]:
    """Write the batch's rows but for those that Postgres rejects or that are locked; these are isolated."""
    outcomes = {table.name: Outcome() for table in tables}
    for place, table in enumerate(tables):
        outcome = outcomes[table.name]
        _write_rows(cursor, table, outcome, run_isolated)
        isolate_discarded(cursor, table)
        outcome.isolated += take_out_wanted(cursor, group, table)
        for part in tables[place + 1 :]:
            _leave_out_orphans(cursor, part, {table.name})
        _require_present(cursor, table, outcome)
    for table in reversed(tables):
        outcome = outcomes[table.name]
        _delete_rows(cursor, group, table, outcome, run_isolated)
        outcome.isolated += take_out_stale(cursor, group, table)
    for table in tables:
        _record(cursor, group, table)
    return outcomes


def _write_rows(cursor: Cursor, table: PublishedTable, outcome: Outcome, run: Run) -> None:
    if "before.sql" in table.sql:
        cursor.execute(table.sql["before.sql"])
    outcome.updated += sum(run(cursor, update_step(table)))
    outcome.inserted += sum(run(cursor, insert_step(table)))


def _require_present(cursor: Cursor, table: PublishedTable, outcome: Outcome) -> None:
    wanted = _count_publishable(cursor, table)
    outcome.considered += wanted
    require_accounted_for(table, wanted, _count_present(cursor, table))


def _delete_rows(cursor: Cursor, group: Group, table: PublishedTable, outcome: Outcome, run: Run) -> None:
    outcome.reasons += delete_rows(cursor, stale_of(table), lambda build: run(cursor, delete_step(group, table, build)))
    run(cursor, mark_step(table))
    cursor.execute(sql.SQL("select count(*) from {} where blocked").format(stale_rows(table)))
    outcome.kept += int((cursor.fetchone() or (0,))[0])


def _record(cursor: Cursor, group: Group, table: PublishedTable) -> None:
    record_rejected(cursor, table)
    record_waiting(cursor, group, table)
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


def compute_batch(cursor: Cursor, group: Group, *, lock: Lock) -> None:
    """Compute the batch's rows as they should be, and the stale ones, into temporary tables.

    Args:
        cursor: in a session of the publisher, with the group's batch tables created and `batch` filled.
        lock: how to lock the stale rows.
    """
    tables = [rows(table) for table in group.tables for rows in (wanted_rows, stale_rows)]
    cursor.execute(sql.SQL("truncate {}").format(sql.SQL(", ").join(tables)))
    for table in in_order_of_computation(group):
        _compute(cursor, table)
    for table in group.tables:
        _find_stale(cursor, group, table, lock)


def count_open(database: Connection, table: PublishedTable, outcome: Outcome) -> None:
    """Count the rows of a table that are rejected, that wait, and that a check found; and the locked aggregates."""
    with database.cursor() as cursor:
        cursor.execute(
            read_sql(__package__, "open_rows.sql"),
            {"table": table.name, "group": table.aggregate, "locked": LOCKED},
        )
        outcome.rejected, outcome.waiting, outcome.locked = cursor.fetchone() or (0, 0, 0)
        outcome.findings = count_findings(cursor, table)


def count_table(database: Connection, table: PublishedTable, outcome: Outcome) -> None:
    """Count the rows of a table, or estimate their number if it is large."""
    outcome.row_count = count_rows(database, sql.Identifier(table.name))


def _compute(cursor: Cursor, table: PublishedTable) -> None:
    cursor.execute(sql.SQL("insert into {} {}").format(wanted_rows(table), sql.SQL(table.sql["rows.sql"])))
    cursor.execute(sql.SQL("analyze {}").format(wanted_rows(table)))


def _find_stale(cursor: Cursor, group: Group, table: PublishedTable, lock: Lock) -> None:
    """Find the rows that should not exist, and mark those that rows of the application reference.

    Rows that perhaps only the replica lost are not among them, unless this is for a plan.

    The rows are locked before the references are read. A reference that the application adds meanwhile is either seen
    here, or has to wait.
    """
    cursor.execute(fill_stale_query(group, table))
    if cursor.rowcount == 0:
        return
    if lock != "no":
        cursor.execute(keep_unproven_query(group, table))
    if lock == "wait":
        _lock_stale(cursor, table)
    elif lock == "skip":
        lock_stale(cursor, group, table)
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
