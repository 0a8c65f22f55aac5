"""What Dagster loads: the floors put together."""

import warnings

from dagster import (
    BetaWarning,
    Definitions,
    JobDefinition,
    colored_console_logger,
    json_console_logger,
    with_source_code_references,
)

from coaching_assets.defs.alert_sensor import alerts
from coaching_assets.defs.change_sensor import bigquery_changes
from coaching_assets.defs.dlt_resource import LazyDlt
from coaching_assets.defs.freshness_sensor import freshness_checks, freshness_sensor
from coaching_assets.defs.jobs import SYNC_JOB, coaching_reconciliation, coaching_sync, executor
from coaching_assets.defs.logs import terminal_logger
from coaching_assets.defs.published_assets import published_assets
from coaching_assets.defs.reconciliation_checks import reconciliation_checks
from coaching_assets.defs.replica_assets import replica_assets
from coaching_assets.defs.schedules import daily_reconciliation, hourly_coaching_sync
from coaching_assets.defs.source_assets import external_assets
from coaching_assets.settings import load_settings

settings = load_settings()

with warnings.catch_warnings():
    # links from the UI to the code are worth a "beta"; a hundred lines about it on every start are not
    warnings.simplefilter("ignore", BetaWarning)
    assets = with_source_code_references(
        [*external_assets(settings), *replica_assets(settings), *published_assets(settings)]
    )

defs = Definitions(
    assets=assets,
    asset_checks=[freshness_checks(settings), reconciliation_checks(settings)],
    jobs=[coaching_sync, coaching_reconciliation],
    schedules=[hourly_coaching_sync(settings), daily_reconciliation(settings)],
    sensors=[bigquery_changes(settings), freshness_sensor(settings), alerts(settings)],
    resources={"dlt": LazyDlt()},
    loggers={"console": colored_console_logger, "terminal": terminal_logger, "json": json_console_logger},
    executor=executor,
)


def sync_job() -> JobDefinition:
    """The main job, for whoever runs it without Dagster's daemon."""
    return defs.resolve_job_def(SYNC_JOB)
