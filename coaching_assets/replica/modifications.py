"""Which source tables stand as they stood when they were last loaded, so that a sync can leave them alone."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.replica.extraction import Extraction

RESOLUTION = timedelta(milliseconds=1)
"""To which BigQuery says when a table was modified."""


def unmodified(
    database: Connection, schema: str, present: Mapping[SourceTable, TableDescription]
) -> frozenset[SourceTable]:
    """The tables of one schema whose replica reflects the source's last modification already.

    A view does not say when what it shows was modified, and a streaming buffer fills without saying so: those are
    always read.
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


def modification_read(extraction: Extraction) -> datetime | None:
    """The modification that a finished extraction is sure to have seen; None where it may have missed a part.

    A modification at the very moment of the snapshot may have come after it.
    """
    modified = extraction.description.modified
    return modified if modified is not None and modified < extraction.snapshot - RESOLUTION else None
