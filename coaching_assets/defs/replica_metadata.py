"""The metadata of a replica table's materialization: its figures, its freshness and its columns."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dagster import TableColumn, TableSchema, TableSchemaMetadataValue

from coaching_assets.catalogue import SourceTable
from coaching_assets.replica.last_syncs import FIGURES

if TYPE_CHECKING:
    from coaching_assets.bigquery.cost import Usage
    from coaching_assets.replica.source_states import LoadCounts
    from coaching_assets.replica.sync import PipelineSync, TableSync

COLUMN_SCHEMA = "dagster/column_schema"


def table_metadata(result: "PipelineSync", table: "TableSync", from_dlt: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of one table.

    Args:
        result: what the sync of the pipeline did.
        table: what it did to this table.
        from_dlt: the metadata that dagster-dlt gives a table that was loaded; else empty.
    """
    if table.state not in {"loaded", "unmodified"}:
        return {"state": table.state, "reason": table.reason, "rows_read": 0, **byte_metadata(None)}
    metadata = dict(from_dlt)
    if table.counts is not None:
        metadata |= count_metadata(table.counts)
    metadata |= byte_metadata(table.usage)
    if table.drift.denied:
        metadata["columns_denied"] = list(table.drift.denied)
    if table.state == "loaded":
        metadata |= {"seconds": result.seconds, "dlt_seconds": dict(result.trace.seconds)}
        metadata["dlt_jobs"] = metadata.pop("jobs", [])
    if isinstance(schema := metadata.get(COLUMN_SCHEMA), TableSchemaMetadataValue):
        metadata[COLUMN_SCHEMA] = with_descriptions(schema.value, table.table)
    return metadata


def log_fields(table: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The `extra` of a table's log line, which the JSON log prints."""
    return {"table": table, "figures": {name: metadata[name] for name in FIGURES if name in metadata}}


def byte_metadata(usage: "Usage | None") -> dict[str, int]:
    """The bytes that a sync read of a table; zeros if it read none."""
    if usage is None:
        return {"bytes_estimated": 0, "bytes_read": 0, "bytes_billed": 0}
    return {
        "bytes_estimated": usage.bytes_estimated,
        "bytes_read": usage.bytes_read,
        "bytes_billed": usage.bytes_billed,
    }


def with_descriptions(schema: TableSchema, table: SourceTable) -> TableSchema:
    """The columns that dlt found, with the catalogue's descriptions."""
    return TableSchema(
        [
            TableColumn(c.name, c.type, c.description or table.describe_column(c.name), c.constraints, c.tags)
            for c in schema.columns
        ]
    )


def count_metadata(counts: "LoadCounts") -> dict[str, Any]:
    """Row counts, and how old the newest source row is."""
    metadata: dict[str, Any] = {
        "state": "loaded",
        "dagster/row_count": counts.row_count.rows,
        "row_count_is_estimate": counts.row_count.is_estimate,
        "rows_read": counts.rows_read,
        "rows_inserted": counts.rows_inserted,
        "rows_updated": counts.rows_updated,
        "rows_unchanged": counts.rows_unchanged,
        "rows_rejected": counts.rows_rejected,
    }
    return metadata | lag_metadata(counts.newest_source_time)


def lag_metadata(newest_source_time: datetime | None) -> dict[str, Any]:
    """The newest `_fivetran_synced` that a table reflects, and its age in seconds."""
    if newest_source_time is None:
        return {}
    lag = (datetime.now(UTC) - newest_source_time).total_seconds()
    return {"newest_source_time": newest_source_time.isoformat(), "source_lag_seconds": round(lag, 1)}
