"""Decide what to read of each table, and open the read sessions ahead of time."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.tables import table_exists
from coaching_assets.replica.dlt_tables import forget_stored_schema
from coaching_assets.replica.extraction import Extraction
from coaching_assets.replica.modifications import snapshot_for
from coaching_assets.replica.placement import placements
from coaching_assets.replica.postponed import postpone_window, postponed_windows
from coaching_assets.replica.read_stamps import unread_ranges
from coaching_assets.replica.rejected_ranges import rejected_ranges
from coaching_assets.replica.survey import CONCURRENT_REQUESTS
from coaching_assets.replica.watermark import newest_source_time
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery


def extractions_for(
    bigquery: "BigQuery",
    database: Connection,
    settings: Settings,
    present: Mapping[SourceTable, TableDescription],
    *,
    essential_only: bool = False,
) -> dict[SourceTable, Extraction]:
    """Plan one extraction per table: all rows the first time, then the rows since the watermark minus the overlap.

    All tables are read as of the same snapshot.

    Args:
        bigquery: the source.
        database: a connection that commits each statement.
        settings: the overlap and the replica's schemas.
        present: the tables, with their descriptions at the source.
        essential_only: whether to postpone the overlap, because the daily limit of bytes is reached.
    """
    snapshot = snapshot_for(bigquery.clock, present.values())
    for table in present:
        if not table_exists(database, settings.schemas[table.source], table.name):
            forget_stored_schema(database, settings.schemas[table.source], table.pipeline)
    extractions: dict[SourceTable, Extraction] = {}
    for table, description in present.items():
        watermark = newest_source_time(database, settings.schemas[table.source], table.name)
        since = _window(database, settings, table, watermark, essential_only)
        key = table.key_for(frozenset(description.columns))
        placed = placements(database, settings.schemas[table.source], table.name, description.fields, key)
        extraction = Extraction(bigquery, description, since, snapshot, settings.bigquery_read_streams, placed)
        if watermark is not None and since is not None:
            extraction.rejected = rejected_ranges(database, settings.schemas[table.source], table.name) or ()
        if watermark is not None and since is not None and not essential_only:
            extraction.ranges = unread_ranges(database, extraction, settings.schemas[table.source], key, watermark)
        extractions[table] = extraction
    return extractions


def _window(
    database: Connection, settings: Settings, table: SourceTable, watermark: datetime | None, essential_only: bool
) -> datetime | None:
    """The `_fivetran_synced` from which to read a table; None for all rows.

    A postponed window is recorded before the load, so that a crash cannot lose it.
    """
    if watermark is None:
        return None
    schema, since = settings.schemas[table.source], watermark - settings.replica_overlap
    if essential_only:
        postpone_window(database, schema, table.name, since)
        return watermark
    return min(since, postponed_windows(database, schema).get(table.name, since))


@contextmanager
def opened(extractions: Iterable[Extraction]) -> Iterator[None]:
    """Open all read sessions concurrently while dlt is imported; dlt itself would open them one by one."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(max_workers=CONCURRENT_REQUESTS)
    try:
        for extraction in extractions:
            extraction.open(pool)
        yield
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
