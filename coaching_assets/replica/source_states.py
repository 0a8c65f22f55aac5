"""Records about source tables: their state at the last sync, and the row counts of a load."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2 import sql

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import RowCount, count_rows, table_exists
from coaching_assets.replica.watermark import newest_source_time


@dataclass(frozen=True)
class LoadCounts:
    """Row counts of one load of a replica table, and the table's size after it."""

    rows_read: int
    rows_inserted: int
    rows_updated: int
    newest_source_time: datetime | None
    row_count: RowCount
    rows_rejected: int = 0
    """Rows that the replica lacks, in their newest version, because Postgres rejects them."""

    @property
    def rows_unchanged(self) -> int:
        """Rows that the load read and that did not differ."""
        return max(self.rows_read - self.rows_inserted - self.rows_updated - self.rows_rejected, 0)


def load_counts(database: Connection, schema: str, table: str, load_ids: Sequence[str]) -> LoadCounts | None:
    """Sum the row counts of the given loads of a table; None if the replica has no such table."""
    if not table_exists(database, schema, table):
        return None
    with database.cursor() as cursor:
        cursor.execute(
            "select coalesce(sum(rows_read), 0)::bigint, coalesce(sum(rows_inserted), 0)::bigint,"
            " coalesce(sum(rows_updated), 0)::bigint from coaching_sync.replica_loads"
            " where table_schema = %s and table_name = %s and load_id = any(%s)",
            (schema, table, list(load_ids)),
        )
        read, inserted, updated = cursor.fetchone() or (0, 0, 0)
        cursor.execute(
            "select count(*) from coaching_sync.rejected_rows where published_table = %s", (f"{schema}.{table}",)
        )
        rejected = (cursor.fetchone() or (0,))[0]
        count = count_rows(database, sql.Identifier(schema, table))
    return LoadCounts(read, inserted, updated, newest_source_time(database, schema, table), count, rejected)


def record_source_table(
    database: Connection,
    schema: str,
    table: str,
    state: str,
    reason: str | None = None,
    modified: datetime | None = None,
    missing: Sequence[str] | None = None,
) -> None:
    """Record a source table's state for `sync_status`, `coaching status` and the next sync.

    `modified` is the source's modification time that the replica reflects. `missing` are required columns that the
    source no longer delivers.
    """
    with database.cursor() as cursor:
        parameters: dict[str, Any] = {
            "schema": schema,
            "table": table,
            "state": state,
            "reason": reason,
            "modified": modified,
        }
        parameters["missing"] = list(missing) if missing else None
        cursor.execute(read_sql(__package__, "record_source_table.sql"), parameters)
