"""Figures of the last sync of each table, for the summary, logs and metrics."""

from collections.abc import Mapping
from typing import Any

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql

FIGURES = ("rows_read", "rows_inserted", "rows_updated", "rows_unchanged", "rows_deleted", "rows_rejected", "seconds")
"""Figures in a materialization's metadata, in display order."""


def record_sync(database: Connection, table: str, state: str, metadata: Mapping[str, Any]) -> None:
    """Record the figures of a table's sync for the metrics.

    A failed sync keeps the newest source time of the sync before.

    Args:
        database: on which `ensure_schema` ran.
        table: the qualified name, `schema.table`.
        state: "loaded", "not at the source" or "failed".
        metadata: the figures named in `FIGURES`, and `newest_source_time`; missing figures count as 0.
    """
    with database.cursor() as cursor:
        cursor.execute(
            read_sql(__package__, "record_sync.sql"),
            {name: metadata.get(name) or 0 for name in FIGURES}
            | {"table": table, "state": state, "newest_source_time": metadata.get("newest_source_time")},
        )
