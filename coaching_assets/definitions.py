"""The code location that Dagster loads."""

from collections.abc import Mapping

from dagster import (
    AssetsDefinition,
    AssetSpec,
    Definitions,
    JobDefinition,
    colored_console_logger,
    json_console_logger,
)

from coaching_assets.defs.alert_sensor import alerts
from coaching_assets.defs.change_sensor import bigquery_changes
from coaching_assets.defs.executor import executor
from coaching_assets.defs.freshness_checks import freshness_checks, freshness_sensor
from coaching_assets.defs.jobs import SYNC_JOB, coaching_reconciliation, coaching_sync
from coaching_assets.defs.logs import terminal_logger
from coaching_assets.defs.published_assets import published_assets
from coaching_assets.defs.reconciliation_checks import reconciliation_checks
from coaching_assets.defs.replica_assets import replica_assets
from coaching_assets.defs.resources import default_resources
from coaching_assets.defs.schedules import daily_reconciliation, hourly_coaching_sync
from coaching_assets.defs.source_assets import external_assets
from coaching_assets.settings import Settings, usable_settings


def build_definitions(settings: Settings, resources: Mapping[str, object] | None = None) -> Definitions:
    """Build the definitions without touching network or credentials.

    Args:
        settings: give the asset keys, intervals and cron schedules. Runs read the resource `settings` instead.
        resources: replace resources of the same name, in a test for example.
    """
    assets: list[AssetsDefinition | AssetSpec] = [
        *external_assets(settings),
        *replica_assets(settings),
        *published_assets(settings),
    ]
    return Definitions(
        assets=assets,
        asset_checks=[freshness_checks(settings), reconciliation_checks(settings)],
        jobs=[coaching_sync(settings), coaching_reconciliation(settings)],
        schedules=[hourly_coaching_sync(settings), daily_reconciliation(settings)],
        sensors=[bigquery_changes(settings), freshness_sensor(settings), alerts(settings)],
        resources={**default_resources(), **(resources or {})},
        loggers={"console": colored_console_logger, "terminal": terminal_logger, "json": json_console_logger},
        executor=executor,
    )


defs = build_definitions(usable_settings()[0])


def sync_job() -> JobDefinition:
    """The main job, for a run in this process."""
    return defs.resolve_job_def(SYNC_JOB)
