"""Erases from the published tables: deletes rows with all dependent rows, and recomputes their aggregates."""

from collections.abc import Mapping, Sequence

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.sql_files import read_sql, run_sql_file
from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.pending import pending_query
from coaching_assets.publish.publisher import Publisher
from coaching_assets.publish.reject import record_keyless
from coaching_assets.publish.session import fill_batch
from coaching_assets.publish.tables import GROUPS, TABLES
from coaching_assets.publish.write import create_batch_tables, write_batch

Keys = dict[str, set[str]]


def find_pending(cursor: Cursor, load_id: str) -> Keys:
    """The aggregates, by group, with a row of this load id in the replica."""
    pending: Keys = {}
    for group in GROUPS:
        cursor.execute("truncate new_load")
        cursor.execute("insert into new_load select view, %s from unnest(%s) as view", (load_id, list(group.sources)))
        cursor.execute(pending_query(cursor, group))
        pending[group.name] = {key for (key,) in cursor.fetchall() if key}
    return pending


def find_doomed(
    cursor: Cursor, mark: str, calls: Sequence[str], addresses: Sequence[str], opportunities: Sequence[str]
) -> dict[str, int]:
    """Find and lock the published rows to delete, and all rows that depend on them through cascading foreign keys.

    Args:
        cursor: in a publisher's session.
        mark: load id of the replica rows to delete.
        calls: Gong's call ids.
        addresses: e-mail addresses in lower case.
        opportunities: the CRM's opportunity ids.

    Returns:
        Number of rows by table, including the application's own tables.
    """
    cursor.execute("drop table if exists doomed")
    cursor.execute("create temp table doomed (relation oid, place tid, unique (relation, place))")
    parameters = {
        "mark": mark,
        "calls": list(calls),
        "addresses": list(addresses),
        "opportunities": list(opportunities),
    }
    cursor.execute(read_sql(__package__, "erased_rows.sql"), parameters)
    while _follow_cascades(cursor):
        pass
    cursor.execute(read_sql(__package__, "count_doomed.sql"))
    return dict(cursor.fetchall())


def delete_doomed(cursor: Cursor) -> None:
    """Delete the rows that `find_doomed` found; Postgres cascades to the dependent rows."""
    for table in reversed(TABLES):
        cursor.execute(
            sql.SQL("delete from {} where (tableoid, ctid) in (select relation, place from doomed)").format(
                sql.Identifier(table.name)
            )
        )


def publish_without(publisher: Publisher, pending: Keys) -> dict[str, int]:
    """Recompute the aggregates in the current transaction.

    Returns:
        Number of written rows by table.
    """
    outcomes = {table.name: Outcome() for table in TABLES}
    with publisher.database.cursor() as cursor:
        for group in GROUPS:
            create_batch_tables(cursor, group)
            fill_batch(cursor, sorted(pending[group.name]))
            write_batch(publisher.database, group, group.tables, outcomes)
        _redact(cursor)
    for table in TABLES:
        record_keyless(publisher.database, table, publisher.replica[table.row_source].table)
    run_sql_file(publisher.database, __package__, "erased_bookkeeping.sql")
    schema = publisher.settings.coaching_schema
    return {f"{schema}.{name}": outcome.changed for name, outcome in outcomes.items() if outcome.changed}


def _follow_cascades(cursor: Cursor) -> int:
    cursor.execute(read_sql(__package__, "cascading_keys.sql"))
    found = 0
    for child_schema, child, parent_schema, parent, child_columns, parent_columns, is_lockable in cursor.fetchall():
        pairs = [
            sql.SQL("child.{} = parent.{}").format(sql.Identifier(column), sql.Identifier(referred))
            for column, referred in zip(child_columns, parent_columns, strict=True)
        ]
        cursor.execute(
            sql.SQL(read_sql(__package__, "follow_key.sql")).format(
                child=sql.Identifier(child_schema, child),
                parent=sql.Identifier(parent_schema, parent),
                same=sql.SQL(" and ").join(pairs),
                lock=sql.SQL("for update of child" if is_lockable else ""),
            )
        )
        found += cursor.rowcount
    return found


def _redact(cursor: Cursor) -> None:
    """Remove erased addresses from rows that are not in the replica: those of an earlier importer."""
    cursor.execute("select exists (select from coaching_sync.erased_identities where kind = 'address')")
    if not (cursor.fetchone() or (False,))[0]:
        return
    for table in TABLES:
        types = _text_columns(cursor, table.name)
        redacted = {
            column: sql.SQL("coaching_sync.redacted_text({}::text)").format(sql.Identifier(column))
            for column in types
            if column in table.owned and column not in table.key
        }
        if redacted:
            cursor.execute(
                sql.SQL("update {} set {} where {}").format(
                    sql.Identifier(table.name),
                    sql.SQL(", ").join(
                        [sql.SQL("{} = now()").format(sql.Identifier(c)) for c in table.touched]
                        + [
                            sql.SQL("{} = {}::{}").format(sql.Identifier(c), value, sql.SQL(types[c]))
                            for c, value in redacted.items()
                        ]
                    ),
                    sql.SQL(" or ").join(
                        sql.SQL("(strpos({0}::text, '@') > 0 and {1} <> {0}::text)").format(sql.Identifier(c), value)
                        for c, value in redacted.items()
                    ),
                )
            )


def _text_columns(cursor: Cursor, table: str) -> Mapping[str, str]:
    cursor.execute(
        "select attname, format_type(atttypid, null) from pg_attribute where attrelid = %s::regclass and attnum > 0"
        " and not attisdropped and format_type(atttypid, null) = any(%s)",
        (table, ["text", "character varying", "character varying[]", "jsonb", "json"]),
    )
    return dict(cursor.fetchall())
