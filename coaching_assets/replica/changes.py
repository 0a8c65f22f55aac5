"""Detect which source tables changed since they were loaded, through metadata alone."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from coaching_assets.bigquery.errors import SourceError
from coaching_assets.catalogue import TABLES, SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import has_own_tables
from coaching_assets.replica.survey import Survey, survey_source
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery


@dataclass(frozen=True)
class Changes:
    """The source tables compared with the replica.

    `changed` maps each table whose replica is behind to the source's modification time; None if the table no longer
    exists. `unknowable` are views and tables with a streaming buffer: they report no modification time for their rows.
    """

    found: Survey
    changed: Mapping[SourceTable, datetime | None]
    unknowable: frozenset[SourceTable]


def detect_changes(bigquery: "BigQuery", database: Connection, settings: Settings) -> Changes:
    """Compare source and replica without a query or billed bytes, and record since when each table is behind.

    Raises:
        SourceError: BigQuery does not answer.
    """
    return compare_with_replica(survey_all(bigquery, settings), database, settings)


def survey_all(bigquery: "BigQuery", settings: Settings) -> Survey:
    """Survey every source table.

    Raises:
        SourceError: BigQuery does not answer.
    """
    found = survey_source(bigquery, settings, TABLES)
    if found.failed and not found.present and not found.absent:
        raise SourceError(next(iter(found.failed.values())))
    return found


def knowable_state(found: Survey, settings: Settings) -> str:
    """A digest of everything in a survey that `changed` depends on: two surveys with the same one find the same."""
    unknowable = _unknowable(found)
    states = {table: seen.modified for table, seen in found.present.items() if table not in unknowable}
    lines = [f"{settings.datasets[table.source]}.{table.name} {modified}" for table, modified in states.items()]
    lines += [f"{settings.datasets[table.source]}.{table.name} is absent" for table in found.absent]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]


def compare_with_replica(found: Survey, database: Connection, settings: Settings) -> Changes:
    """Compare a survey with the replica, and record since when each table is behind."""
    loaded = _loaded(database, settings)
    unknowable = _unknowable(found)
    changed: dict[SourceTable, datetime | None] = {
        table: seen.modified
        for table, seen in found.present.items()
        if table not in unknowable and (table not in loaded or loaded[table] != seen.modified)
    }
    changed |= {table: None for table in found.absent if table in loaded}
    _record(database, settings, changed)
    return Changes(found, changed, unknowable)


def _unknowable(found: Survey) -> frozenset[SourceTable]:
    return frozenset(table for table, seen in found.present.items() if not seen.is_stored or seen.streaming)


def _loaded(database: Connection, settings: Settings) -> dict[SourceTable, datetime | None]:
    """Read the loaded tables, with the source modification that each reflects."""
    if not has_own_tables(database):
        return {}
    by_name = {(settings.schemas[table.source], table.name): table for table in TABLES}
    loaded: dict[SourceTable, datetime | None] = {}
    with database.cursor() as cursor:
        for schema in dict.fromkeys(settings.schemas.values()):
            cursor.execute(read_sql(__package__, "unmodified.sql"), {"schema": schema})
            loaded |= {by_name[schema, name]: at for name, at in cursor.fetchall() if (schema, name) in by_name}
    return loaded


def _record(database: Connection, settings: Settings, changed: Mapping[SourceTable, datetime | None]) -> None:
    if not has_own_tables(database):
        return
    with database.cursor() as cursor:
        parameters = {
            "schemas": [settings.schemas[table.source] for table in changed],
            "tables": [table.name for table in changed],
            "modified": list(changed.values()),
        }
        cursor.execute(read_sql(__package__, "record_changes.sql"), parameters)
