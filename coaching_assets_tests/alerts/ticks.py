"""Ticks of the sensor `alerts`, and the failures that they report."""

import logging
from datetime import UTC, datetime, timedelta

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
    RepositoryDefinition,
    SensorResult,
    SkipReason,
)

from coaching_assets.alerts.decide import State
from coaching_assets.defs.alert_sensor import tick
from coaching_assets.settings import load_settings


class Ticks:
    """Consecutive ticks of the sensor; each continues with the cursor of the one before."""

    def __init__(self, instance: DagsterInstance, repository: RepositoryDefinition) -> None:
        self.instance = instance
        self.repository = repository
        self.now = datetime.now(UTC) + timedelta(minutes=1)
        self.cursor: str | None = None

    def tick(self, later: timedelta = timedelta()) -> str:
        """Run one tick, and return its skip message."""
        self.now += later
        result = tick(
            self.instance,
            self.repository,
            load_settings(),
            State.read(self.cursor),
            self.now,
            logging.getLogger("alerts"),
        )
        if isinstance(result, SkipReason):
            return result.skip_message or ""
        assert isinstance(result, SensorResult) and isinstance(result.skip_reason, SkipReason)
        self.cursor = result.cursor
        return result.skip_reason.skip_message or ""


def evaluated(
    instance: DagsterInstance,
    table: str,
    passed: bool,
    check: str = "loaded",
    severity: AssetCheckSeverity = AssetCheckSeverity.ERROR,
    description: str = "Access denied.\nSecond line.",
) -> None:
    instance.report_runless_asset_event(
        AssetCheckEvaluation(
            asset_key=AssetKey(table.split("/")),
            check_name=check,
            passed=passed,
            severity=severity,
            description=description,
        )
    )


def run(instance: DagsterInstance, repository: RepositoryDefinition, *assets: str, **tags: str) -> bool:
    """Run `coaching_sync` for the given assets (default: all), and return whether it succeeded."""
    job = repository.get_job("coaching_sync")
    selection = [AssetKey(asset) for asset in assets] or None
    return job.execute_in_process(instance=instance, raise_on_error=False, asset_selection=selection, tags=tags).success
