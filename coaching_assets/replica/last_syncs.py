"""What the last sync of each table did, in figures: for the summary, the log, and whoever measures."""

from collections.abc import Mapping
from typing import Any

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql

FIGURES = ("rows_read", "rows_inserted", "rows_updated", "rows_unchanged", "rows_deleted", "rows_rejected", "seconds")
"""The figures in a materialization's metadata, in the order in which they are shown."""


def record_sync(database: Connection, table: str, state: str, metadata: Mapping[str, Any]) -> None:
    """Note what a sync did to `table` (with its schema), for the metrics.

    A sync that could not do anything keeps what the one before it found out of the source's newest time.
    """
    with database.cursor() as cursor:
        cursor.execute(
            read_sql(__package__, "record_sync.sql"),
            {name: metadata.get(name) or 0 for name in FIGURES}
            | {"table": table, "state": state, "newest_source_time": metadata.get("newest_source_time")},
        )
