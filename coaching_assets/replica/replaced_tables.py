"""Tables that were replaced or altered between their description and their read."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import SourceTable
from coaching_assets.replica.extraction import Extraction
from coaching_assets.replica.survey import survey_source
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery


def described_again(
    bigquery: "BigQuery",
    settings: Settings,
    extractions: Mapping[SourceTable, Extraction],
    failed: Iterable[SourceTable],
    warn: Callable[[str], object],
) -> dict[SourceTable, TableDescription]:
    """Describe the tables that failed; return those that are no longer as they were described before."""
    tables = list(failed)
    if not tables:
        return {}
    present = survey_source(bigquery, settings, tables, to_read=True).present
    found = {table: seen for table, seen in present.items() if is_replaced(extractions[table].description, seen)}
    for seen in found.values():
        warn(f"{seen} was replaced or altered while it was read. It is read again.")
    return found


def is_replaced(before: TableDescription, now: TableDescription) -> bool:
    """Whether a table was created again, or got other columns, after it was described."""
    return (before.created, before.kind, before.fields) != (now.created, now.kind, now.fields)
