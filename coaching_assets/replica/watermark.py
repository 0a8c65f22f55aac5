"""The newest source time in the replica: the next sync reads from there."""

from datetime import datetime

from psycopg2 import sql

from coaching_assets.catalogue import CURSOR
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.tables import column_types


def newest_source_time(database: Connection, schema: str, table: str) -> datetime | None:
    """Return the newest `_fivetran_synced` of a replica table; None if it is empty, does not exist, or is no replica.

    Read from the rows, not from saved state, so it stays correct after a restore. A future time, written by a wrong
    clock, counts as now: it must not hide later rows.
    """
    with database.cursor() as cursor:
        if CURSOR not in column_types(database, schema, table):
            return None
        # `least` ignores nulls: for an empty table it would return now, and the first load would skip every row
        query = sql.SQL("select case when max({cursor}) is not null then least(max({cursor}), now()) end from {table}")
        cursor.execute(query.format(cursor=sql.Identifier(CURSOR), table=sql.Identifier(schema, table)))
        row = cursor.fetchone()
    return row[0] if row else None
