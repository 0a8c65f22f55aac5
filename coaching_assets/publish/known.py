"""Leaves rows that Postgres rejected out of a plan: the next sync cannot write them either."""

from collections.abc import Iterator

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.publish.isolation import stale_key, take_out_stale, take_out_wanted, wanted_key
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.statements import join_root, root_key, same_key, stale_rows, template, wanted_rows

name = sql.Identifier


def leave_out_rejected(cursor: Cursor, group: Group) -> None:
    """Take the rows out of a computed batch that Postgres rejected in the last sync, unless they changed since."""
    cursor.execute(
        "select exists (select from coaching_sync.rejected_rows where sqlstate is not null"
        " and published_table = any(%s) and aggregate_key in (select key from batch))",
        ([table.name for table in group.tables],),
    )
    if cursor.fetchone() == (False,):
        return
    for table in group.tables:
        for statement in _isolating(group, table):
            cursor.execute(statement)
        if take_out_wanted(cursor, group, table):
            for part in group.tables:
                for statement in _detaching(table, part):
                    cursor.execute(statement)
        take_out_stale(cursor, group, table)
    cursor.execute("delete from isolated_row")


def _isolating(group: Group, table: PublishedTable) -> Iterator[sql.Composed]:
    table_name = sql.Literal(table.name)
    yield template("known_wanted.sql").format(
        table_name=table_name,
        wanted=wanted_rows(table),
        key=wanted_key(group, table),
        once=sql.SQL("{}::text[]").format(sql.Literal(list(table.once))),
    )
    yield template("known_stale.sql").format(
        table_name=table_name,
        stale=stale_rows(table),
        table=name(table.name),
        same_key=same_key(table, "row", "stale"),
        join_root=join_root(group, table),
        root_key=root_key(group, table),
        key=stale_key(group, table),
    )


def _detaching(table: PublishedTable, part: PublishedTable) -> Iterator[sql.Composed]:
    for parent in part.parents:
        if parent.table == table.name and parent.optional:
            yield template("detach_isolated.sql").format(
                wanted=wanted_rows(part),
                column=name(parent.column),
                parent=name(table.name),
                parent_name=sql.Literal(table.name),
            )
