"""Computes what the next sync would do to the application's tables, without writing to them."""

from collections.abc import Callable
from dataclasses import dataclass

from coaching_assets.bigquery import connect as connect_bigquery
from coaching_assets.bigquery.errors import SourceError
from coaching_assets.catalogue import TABLES
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.publish.application import require_application_tables
from coaching_assets.publish.plan import Plan, make_plan
from coaching_assets.publish.row_security import require_visible_rows
from coaching_assets.replica.ownership import require_own_tables
from coaching_assets.replica.scratch import scratch_replica
from coaching_assets.replica.survey import survey_source
from coaching_assets.replica.watermark import newest_source_time
from coaching_assets.settings import Settings

FROM_REPLICA = "Computed from the replica, as the last sync left it."
FROM_BIGQUERY = "Computed from the current rows in BigQuery."


@dataclass(frozen=True)
class DryRun:
    """The plan of a sync. `origin` is a sentence on the data that it was computed from."""

    plan: Plan
    origin: str


def dry_run(settings: Settings, notify: Callable[[str], None]) -> DryRun:
    """Compute what the next sync would do to the application's tables.

    Without a complete replica, it reads BigQuery into temporary schemas and drops them afterwards.

    Args:
        settings: all settings.
        notify: called with one sentence before each long step.

    Raises:
        SettingError, CannotConnect, SourceError: a server cannot be reached.
        MissingTables: the application's tables do not exist.
        RowsHidden: row-level security hides rows from the database user.
        NotOurs: a table of the replica belongs to somebody else.
        NotLoaded: a source table could not be read.
    """
    bigquery = connect_bigquery(settings)
    with connect(settings) as database:
        require_application_tables(database, settings.coaching_schema)
        require_visible_rows(database, settings)
        require_own_tables(database, settings)
        database.rollback()
        survey = survey_source(bigquery, settings, TABLES, to_read=True)
        if survey.failed:
            raise SourceError(" ".join(dict.fromkeys(survey.failed.values())))
        is_complete = all(_has_rows(database, settings.schemas[t.source], t.name) for t in survey.present)
        database.rollback()
        if is_complete:
            notify("Comparing …")
            return DryRun(make_plan(database, settings), FROM_REPLICA)
        with scratch_replica(bigquery, settings, survey.present, notify) as scratch:
            notify("Comparing …")
            return DryRun(make_plan(database, scratch), FROM_BIGQUERY)


def _has_rows(database: Connection, schema: str, table: str) -> bool:
    return newest_source_time(database, schema, table) is not None
