"""The source tables as data: name, key, columns with types, and the consequences of a missing table.

One module per connector. A new entry in its `TABLES` is all that a source table needs.
"""

from coaching_assets.catalogue import gong, salesforce
from coaching_assets.catalogue.source_table import (
    CURSOR,
    HISTORY_START,
    Column,
    ColumnType,
    Identity,
    IdentityKind,
    PipelineName,
    Source,
    SourceTable,
    identities_as_json,
)

__all__ = [
    "CURSOR",
    "HISTORY_START",
    "PIPELINES",
    "TABLES",
    "Column",
    "ColumnType",
    "Identity",
    "IdentityKind",
    "PipelineName",
    "Source",
    "SourceTable",
    "identities_as_json",
    "tables_of",
]

TABLES: tuple[SourceTable, ...] = (*gong.TABLES, *salesforce.TABLES)

PIPELINES: tuple[PipelineName, ...] = ("salesforce", "gong_calls", "gong_emails")


def tables_of(pipeline: PipelineName) -> tuple[SourceTable, ...]:
    """Return the tables that one pipeline loads, in the catalogue's order."""
    return tuple(table for table in TABLES if table.pipeline == pipeline)
