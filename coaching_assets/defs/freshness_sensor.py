"""The sensor that evaluates freshness also while nothing else runs, and costs no run."""

from collections.abc import Iterator
from datetime import UTC, datetime

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    multi_asset_check,
    sensor,
)

from coaching_assets.freshness.freshness import check_freshness, freshness_specs
from coaching_assets.postgres.connection import CannotConnect
from coaching_assets.settings import SettingError, Settings, load_settings


def freshness_checks(settings: Settings) -> AssetChecksDefinition:
    """The checks, for whoever wants to run them by hand."""

    @multi_asset_check(name="freshness", specs=freshness_specs(settings), can_subset=True)
    def freshness(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        for verdict in check_freshness(load_settings(), datetime.now(UTC)):
            if AssetCheckKey(verdict.asset, verdict.check) in context.selected_asset_check_keys:
                yield verdict.result()

    return freshness


def freshness_sensor(settings: Settings) -> SensorDefinition:
    """Evaluates the checks every ten minutes (a setting)."""

    @sensor(
        name="freshness",
        minimum_interval_seconds=settings.check_interval_seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description="Evaluates the checks of freshness, without a run.",
    )
    def evaluate(_: SensorEvaluationContext) -> SensorResult | SkipReason:
        try:
            verdicts = list(check_freshness(load_settings(), datetime.now(UTC)))
        except (SettingError, CannotConnect) as error:
            return SkipReason(str(error))
        failing = sum(not verdict.passed for verdict in verdicts)
        return SensorResult(
            skip_reason=f"{len(verdicts)} checks evaluated, {failing} failing.",
            asset_events=[verdict.evaluation() for verdict in verdicts],
        )

    return evaluate
