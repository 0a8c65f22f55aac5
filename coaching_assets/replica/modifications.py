"""Find source tables that have not changed since they were loaded, so that a sync can skip them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from coaching_assets.bigquery.clock import ServerClock
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.replica.extraction import Extraction

RESOLUTION = timedelta(milliseconds=1)
"""Resolution of BigQuery's modification times."""


def unmodified(
    database: Connection, schema: str, present: Mapping[SourceTable, TableDescription]
) -> frozenset[SourceTable]:
    """Return the tables of one schema whose replica reflects the source's last modification.

    Views and tables with a streaming buffer are never among them: their modification time does not cover their rows.
    """
    with database.cursor() as cursor:
        cursor.execute(read_sql(__package__, "unmodified.sql"), {"schema": schema})
        loaded: dict[str, datetime | None] = dict(cursor.fetchall())
    return frozenset(
        table
        for table, description in present.items()
        if description.modified is not None
        and description.is_stored
        and not description.streaming
        and loaded.get(table.name) == description.modified
    )


def snapshot_for(clock: ServerClock, descriptions: Iterable[TableDescription]) -> datetime:
    """Return the time as of which to read tables: BigQuery's own, and after all modifications that it reported.

    BigQuery rejects a time in its future. `clock` may be up to a second late, so the newest modification may be later.
    """
    modified = [description.modified for description in descriptions if description.modified is not None]
    return max([clock.now(), *(moment + 2 * RESOLUTION for moment in modified)])


def modification_read(extraction: Extraction) -> datetime | None:
    """Return the modification that a finished extraction has certainly read; None if it may have missed a part.

    A modification in the same millisecond as the snapshot may be later than the snapshot.
    """
    modified = extraction.description.modified
    return modified if modified is not None and modified < extraction.snapshot - RESOLUTION else None
