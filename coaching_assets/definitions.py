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

from coaching_assets.automation.alerting.sensor import alerts
from coaching_assets.automation.change_sensor import bigquery_changes
from coaching_assets.automation.freshness_sensor import freshness_checks, freshness_sensor
from coaching_assets.automation.jobs import SYNC_JOB, coaching_reconciliation, coaching_sync, executor
from coaching_assets.automation.logs import terminal_logger
from coaching_assets.automation.schedules import daily_reconciliation, hourly_coaching_sync
from coaching_assets.checks.assets import reconciliation_checks
from coaching_assets.published.assets import published_assets
from coaching_assets.replica.assets import replica_assets
from coaching_assets.replica.resource import LazyDlt
from coaching_assets.settings import load_settings
from coaching_assets.source.assets import external_assets

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
