"""What a table's materialization says of it: its columns, and what its load did."""

from datetime import UTC, datetime
from typing import Any

from dagster import TableColumn, TableSchema

from coaching_assets.catalogue import SourceTable
from coaching_assets.replica.loading import LoadCounts


def described(schema: TableSchema, table: SourceTable) -> TableSchema:
    """The columns as dlt found them, with what is known of each."""
    return TableSchema(
        [
            TableColumn(c.name, c.type, c.description or table.describe_column(c.name), c.constraints, c.tags)
            for c in schema.columns
        ]
    )


def count_metadata(counts: LoadCounts) -> dict[str, Any]:
    """The figures of a load, as the metadata of its materialization."""
    metadata: dict[str, Any] = {
        "state": "loaded",
        "dagster/row_count": counts.row_count.rows,
        "row_count_is_estimate": counts.row_count.is_estimate,
        "rows_read": counts.rows_read,
        "rows_inserted": counts.rows_inserted,
        "rows_updated": counts.rows_updated,
        "rows_unchanged": max(counts.rows_read - counts.rows_inserted - counts.rows_updated, 0),
    }
    if counts.newest_source_time is not None:
        lag = (datetime.now(UTC) - counts.newest_source_time).total_seconds()
        metadata |= {"newest_source_time": counts.newest_source_time.isoformat(), "source_lag_seconds": round(lag, 1)}
    return metadata
