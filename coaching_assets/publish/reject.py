"""Records the rows that are not published: rejected rows with the reason, and rows that wait for a parent."""

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.statements import waiting_queries


def record_rejected(cursor: Cursor, table: PublishedTable) -> None:
    """Record the batch's rows that cannot be published, and remove the records of those that can."""
    names = {
        "wanted": sql.Identifier(f"wanted_{table.name}"),
        "table": sql.Literal(table.name),
        "view": sql.Literal(table.row_source),
    }
    cursor.execute(
        sql.SQL(
            "delete from coaching_sync.rejected_rows as rejected where published_table = {table}"
            " and aggregate_key in (select key from batch) and not exists"
            " (select from {wanted} as wanted where wanted.rejection is not null and wanted.source_key = rejected.key)"
            " and not exists (select from isolated_row as isolated where isolated.published_table = {table}"
            " and isolated.key = rejected.key)"
        ).format(**names)
    )
    cursor.execute(
        sql.SQL(
            "insert into coaching_sync.rejected_rows"
            " (published_table, source_view, aggregate_key, key, reason, source_row)"
            " select distinct on (source_key) {table}, {view}, aggregate_key, source_key, rejection, source_row"
            " from {wanted} where rejection is not null"
            " on conflict (published_table, key) do update set"
            " reason = excluded.reason, source_row = excluded.source_row, last_seen = now(),"
            " sqlstate = null, constraint_name = null, wanted_row = null"
        ).format(**names)
    )


def record_waiting(cursor: Cursor, group: Group, table: PublishedTable) -> None:
    """Record the batch's rows that wait for a parent, and remove the records of those that no longer do."""
    queries = waiting_queries(group, table)
    if not queries:
        return
    cursor.execute(
        "delete from coaching_sync.waiting_rows"
        " where published_table = %s and aggregate_key in (select key from batch)",
        (table.name,),
    )
    for query in queries:
        cursor.execute(
            sql.SQL(
                "insert into coaching_sync.waiting_rows"
                " (published_table, aggregate_key, waits_for_table, waits_for_key, rows)"
                " select {}, aggregate_key, waits_for_table, waits_for_key, rows from ({}) as found"
                " on conflict do nothing"
            ).format(sql.Literal(table.name), query)
        )


def record_keyless(database: Connection, table: PublishedTable, source: SourceTable) -> None:
    """Record the source rows that belong to no aggregate because they lack its key, under the aggregate ''."""
    with database.cursor() as cursor:
        cursor.execute(keyless_statement(table, source))


def keyless_statement(table: PublishedTable, source: SourceTable) -> sql.Composed:
    """Return the statement that records the rows without a key. It reads the index of a merge's option `needed`."""
    text = {column.name for column in source.columns if column.type == "text"}
    key = [
        sql.SQL("{}, {}").format(sql.Literal(column), sql.Identifier(column if column in text else f"{column}__raw"))
        for column in source.key
    ]
    missing = [
        sql.SQL("case when coaching_sync.not_blank({}) is null then {} end").format(
            sql.Identifier(column), sql.Literal(f"{column} is missing")
        )
        for column in table.needs
    ]
    parts: dict[str, sql.Composable] = {
        "table": sql.Literal(table.name),
        "view_name": sql.Literal(table.row_source),
        "view": sql.Identifier(table.row_source),
        "key": sql.SQL(", ").join(key),
        "reason": sql.SQL("coalesce({})").format(sql.SQL(", ").join(missing)),
        "is_keyless": sql.SQL(" or ").join(
            sql.SQL("{0} is null or {0} = ''").format(sql.Identifier(column)) for column in table.needs
        ),
    }
    return sql.SQL(read_sql(__package__, "keyless.sql")).format(**parts)
