"""Records the rows that an erasure keeps out of the replica, so that reconciliation does not report them as missing."""

from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.tables import has_own_tables
from coaching_assets.reconcile.differences import Comparison


def anything_was_erased(cursor: Cursor) -> bool:
    """Whether this installation has erased anything."""
    if not has_own_tables(cursor.connection):
        return False
    cursor.execute("select exists (select from coaching_sync.erased_identities)")
    return bool((cursor.fetchone() or (False,))[0])


def load(cursor: Cursor, schema: str, table: str) -> str:
    """Copy the recorded rows of a table into the temporary table `withheld_row`.

    Returns:
        The salt of the hashes.
    """
    cursor.execute("create temp table withheld_row (hash bytea primary key)")
    if not anything_was_erased(cursor):
        return ""
    cursor.execute(
        "insert into withheld_row select hash from coaching_sync.withheld_rows"
        " where table_schema = %s and table_name = %s",
        (schema, table),
    )
    cursor.execute("select salt from coaching_sync.erasure_salt")
    return str((cursor.fetchone() or ("",))[0])


def record(database: Connection, comparison: Comparison) -> None:
    """Replace the recorded rows of a table by those that are still missing or different right after a reload.

    After a comparison by slices, the records of other slices remain.
    """
    schema, table = comparison.schema, comparison.table.name
    with database.cursor() as cursor:
        if not comparison.parts:
            cursor.execute(
                "delete from coaching_sync.withheld_rows where table_schema = %s and table_name = %s", (schema, table)
            )
        execute_values(
            cursor,
            "insert into coaching_sync.withheld_rows (table_schema, table_name, hash) values %s on conflict do nothing",
            [(schema, table, row_hash) for row_hash in comparison.lacking_rows],
        )
