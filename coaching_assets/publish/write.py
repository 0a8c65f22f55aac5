"""Writing one batch: compute the rows as they should be, compare, and write only the difference."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.connection import Connection, count_rows, read_sql
from coaching_assets.publish.cascades import blocker, children_of
from coaching_assets.publish.checks import count_findings, note_findings, require_accounted_for
from coaching_assets.publish.reject import note_rejected, note_waiting
from coaching_assets.publish.tables import Group, PublishedTable, TableName

if TYPE_CHECKING:
    from coaching_assets.publish.outcome import Outcome


def write_batch(
    database: Connection, group: Group, tables: Sequence[PublishedTable], outcomes: Mapping[TableName, "Outcome"]
) -> None:
    """Bring the rows of the aggregates in `batch` up to date, within the current transaction.

    All tables of the group are computed, since they build on one another; only the given ones are written.
    """
    with database.cursor() as cursor:
        compute_batch(cursor, group, lock=True)
        for table in tables:
            _leave_to_their_parents(cursor, table, [t.name for t in group.tables if t not in tables])
        for table in tables:
            outcome = outcomes[table.name]
            note_rejected(cursor, table)
            note_waiting(cursor, table)
            if table.noted_before:
                cursor.execute(read_sql(__package__, f"{table.name}_before.sql"))
            due = _count_publishable(cursor, table)
            outcome.considered += due
            outcome.updated += _update(cursor, table)
            outcome.inserted += _insert(cursor, table)
            require_accounted_for(table, due, _count_present(cursor, table))
            note_findings(cursor, table)
        for table in reversed(tables):
            outcome = outcomes[table.name]
            outcome.deleted += _delete(cursor, table)
            outcome.kept += _mark_kept(cursor, table)
        drop_batch(cursor, group)


def _leave_to_their_parents(cursor: Cursor, table: PublishedTable, not_written: Sequence[TableName]) -> None:
    """Leave out what refers to rows that are not there because their table is not written this time.

    It is due again with that table, whose loads count as unpublished until then.
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


def compute_batch(cursor: Cursor, group: Group, *, lock: bool) -> None:
    """The batch's rows as they should be, and those that should not be there, in temporary tables a published table.

    Args:
        cursor: in a session of the publisher, with `batch` filled.
        group: whose tables are computed.
        lock: whether the rows that should not be there are locked; a plan, which deletes nothing, does not.
    """
    for table in _in_order_of_computation(group):
        _compute(cursor, table)
    for table in group.tables:
        _find_stale(cursor, table, lock)


def drop_batch(cursor: Cursor, group: Group) -> None:
    """Drop what `compute_batch` made."""
    for table in group.tables:
        names = sql.SQL(", ").join([wanted_rows(table), stale_rows(table)])
        cursor.execute(sql.SQL("drop table {}").format(names))


def count_open(database: Connection, table: PublishedTable, outcome: "Outcome") -> None:
    """Count the rows of a table that are rejected, those that wait, and those that are odd."""
    with database.cursor() as cursor:
        cursor.execute("select count(*) from coaching_sync.rejected_rows where published_table = %s", (table.name,))
        outcome.rejected = (cursor.fetchone() or (0,))[0]
        cursor.execute(
            "select coalesce(sum(rows), 0)::bigint from coaching_sync.waiting_rows where published_table = %s",
            (table.name,),
        )
        outcome.waiting = (cursor.fetchone() or (0,))[0]
        outcome.findings = count_findings(cursor, table)


def note_row_count(database: Connection, table: PublishedTable, outcome: "Outcome") -> None:
    """Say how many rows a table has, exactly where that is quickly counted."""
    outcome.row_count = count_rows(database, sql.Identifier(table.name))


def _in_order_of_computation(group: Group) -> list[PublishedTable]:
    """Calls name their speakers, so speakers are computed first; everything else in the order of writing."""
    return sorted(group.tables, key=lambda table: table.name != "speakers")


def wanted_rows(table: PublishedTable) -> sql.Identifier:
    """The temporary table of the batch's rows as they should be."""
    return sql.Identifier(f"wanted_{table.name}")


def stale_rows(table: PublishedTable) -> sql.Identifier:
    """The temporary table of the rows that should not be there."""
    return sql.Identifier(f"stale_{table.name}")


def _query(name: str) -> sql.SQL:
    return sql.SQL(read_sql(__package__, name))


def same_key(table: PublishedTable, left: str, right: str) -> sql.Composed:
    """The condition that two rows, by their aliases, have the same key."""
    pairs = [sql.SQL("{} = {}").format(sql.Identifier(left, k), sql.Identifier(right, k)) for k in table.key]
    return sql.SQL(" and ").join(pairs)


def publishable(alias: str, table: PublishedTable) -> sql.Composed:
    """The condition that a wanted row, by its alias, is to stand in the application's table."""
    present = [sql.SQL("{} is not null").format(sql.Identifier(alias, k)) for k in table.key]
    rest = sql.SQL("not {0}.deleted and {0}.rejection is null").format(sql.Identifier(alias))
    return sql.SQL(" and ").join([*present, rest])


def _compute(cursor: Cursor, table: PublishedTable) -> None:
    """The rows as they should be, in a temporary table."""
    cursor.execute(sql.SQL("create temp table {} as {}").format(wanted_rows(table), _query(f"{table.name}.sql")))
    cursor.execute(
        sql.SQL(
            "alter table {} add column if not exists deleted boolean not null default false,"
            " add column if not exists rejection text, add column if not exists source_key jsonb,"
            " add column if not exists source_row jsonb"
        ).format(wanted_rows(table))
    )
    cursor.execute(sql.SQL("analyze {}").format(wanted_rows(table)))


def _find_stale(cursor: Cursor, table: PublishedTable, lock: bool) -> None:
    """The rows that should not be there, with whether application-owned rows hang on them.

    Locked first and looked at afterwards: a row that the application adds meanwhile either is seen or has to wait.
    """
    cursor.execute(
        sql.SQL("create temp table {} as select *, false as blocked from ({}) as found").format(
            stale_rows(table), _query(f"{table.name}_stale.sql")
        )
    )
    if cursor.rowcount == 0:
        return
    for child, column in [(table.name, "id"), *children_of(cursor, table)] if lock else ():
        cursor.execute(
            sql.SQL("select from {child} where {column} in (select {key} from {stale}) for update").format(
                child=sql.Identifier(child),
                column=sql.Identifier(column if child != table.name else table.key[0]),
                key=sql.Identifier(table.key[0]),
                stale=stale_rows(table),
            )
        )
    hanging = blocker(cursor, table)
    if hanging is not None:
        cursor.execute(
            sql.SQL("update {} as stale set blocked = true from {} as row where row.id = stale.id and ({})").format(
                stale_rows(table), sql.Identifier(table.name), hanging
            )
        )


def _count_publishable(cursor: Cursor, table: PublishedTable) -> int:
    cursor.execute(
        sql.SQL("select count(*) from {} as wanted where {}").format(wanted_rows(table), publishable("wanted", table))
    )
    return int((cursor.fetchone() or (0,))[0])


def _count_present(cursor: Cursor, table: PublishedTable) -> int:
    cursor.execute(
        sql.SQL("select count(*) from {wanted} as wanted join {table} as row on {key} where {publishable}").format(
            wanted=wanted_rows(table),
            table=sql.Identifier(table.name),
            key=same_key(table, "row", "wanted"),
            publishable=publishable("wanted", table),
        )
    )
    return int((cursor.fetchone() or (0,))[0])


def _new_value(table: PublishedTable, column: str) -> sql.Composable:
    """The value that a column should have: for `metadata`, this project's keys over what else is there."""
    if column != "metadata":
        return sql.Identifier("wanted", column)
    return sql.SQL(
        "(case when jsonb_typeof(row.metadata) = 'object' then row.metadata else '{{}}' end - {}::text[])"
        " || wanted.metadata"
    ).format(sql.Literal(list(table.metadata_keys)))


def differences(table: PublishedTable) -> dict[str, sql.Composed]:
    """For each column that an update may write, the condition that `row` has another value than `wanted`."""
    return {
        column: sql.SQL("{} is distinct from {}").format(sql.Identifier("row", column), _new_value(table, column))
        for column in table.owned
        if column not in table.key
    }


def _update(cursor: Cursor, table: PublishedTable) -> int:
    differs = differences(table)
    if not differs:
        return 0
    assignments = [sql.SQL("{} = {}").format(sql.Identifier(c), _new_value(table, c)) for c in differs]
    assignments += [sql.SQL("{} = now()").format(sql.Identifier(c)) for c in table.touched]
    cursor.execute(
        sql.SQL(
            "update {table} as row set {assignments} from {wanted} as wanted"
            " where {key} and {publishable} and ({differs})"
        ).format(
            table=sql.Identifier(table.name),
            assignments=sql.SQL(", ").join(assignments),
            wanted=wanted_rows(table),
            key=same_key(table, "row", "wanted"),
            publishable=publishable("wanted", table),
            differs=sql.SQL(" or ").join(differs.values()),
        )
    )
    return cursor.rowcount


def _insert(cursor: Cursor, table: PublishedTable) -> int:
    columns = list(dict.fromkeys([*table.key, *table.owned, *table.once]))
    cursor.execute(
        sql.SQL(
            "insert into {table} ({columns}) select {values} from {wanted} as wanted"
            " where {publishable} and not exists (select from {table} as row where {key})"
        ).format(
            table=sql.Identifier(table.name),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            values=sql.SQL(", ").join(sql.Identifier("wanted", column) for column in columns),
            wanted=wanted_rows(table),
            publishable=publishable("wanted", table),
            key=same_key(table, "row", "wanted"),
        )
    )
    return cursor.rowcount


def _delete(cursor: Cursor, table: PublishedTable) -> int:
    cursor.execute(
        sql.SQL("delete from {} as row using {} as stale where {} and not stale.blocked").format(
            sql.Identifier(table.name), stale_rows(table), same_key(table, "row", "stale")
        )
    )
    return cursor.rowcount


def _mark_kept(cursor: Cursor, table: PublishedTable) -> int:
    """Mark, where there is metadata, the rows that stay although the source has deleted them."""
    if "source_deleted_at" in table.metadata_keys:
        cursor.execute(
            sql.SQL(
                "update {table} as row set metadata = coalesce(row.metadata, '{{}}') || mark"
                " from {stale} as stale join {table} as kept using (id) left join {wanted} as wanted using (id)"
                " cross join lateral (select jsonb_build_object('source_deleted_at', coalesce("
                "wanted.deleted_at, kept.metadata ->> 'source_deleted_at', coaching_sync.json_time(now()))) as mark)"
                " as marks where row.id = stale.id and stale.blocked and wanted.deleted is distinct from false"
                " and not coalesce(row.metadata, '{{}}') @> mark"
            ).format(table=sql.Identifier(table.name), stale=stale_rows(table), wanted=wanted_rows(table))
        )
    cursor.execute(sql.SQL("select count(*) from {} where blocked").format(stale_rows(table)))
    return int((cursor.fetchone() or (0,))[0])
