"""The freshness checks: run by hand, or evaluated by a sensor that starts no run."""

from collections.abc import Iterator
from datetime import UTC, datetime

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    DefaultSensorStatus,
    SensorDefinition,
    SensorResult,
    SkipReason,
    multi_asset_check,
    sensor,
)

from coaching_assets.catalogue import SourceTable
from coaching_assets.defs.failures import as_failure
from coaching_assets.defs.keys import published_key, source_key
from coaching_assets.defs.resources import BigQueryResource, PostgresResource
from coaching_assets.errors import CoachingError
from coaching_assets.freshness.verdict import (
    LAST_SYNC_SUCCEEDED,
    PUBLISHED_IS_FRESH,
    SOURCE_IS_FRESH,
    WITHIN_DAILY_LIMIT,
    WITNESSES,
    Verdict,
)
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import Settings

SEVERITIES = {"warning": AssetCheckSeverity.WARN, "error": AssetCheckSeverity.ERROR}


def freshness_specs(settings: Settings) -> list[AssetCheckSpec]:
    """The specs per dataset and per published table, and `within_daily_limit`, which exists once."""
    specs = [
        AssetCheckSpec(SOURCE_IS_FRESH, asset=source_key(settings, table), description="Fivetran keeps delivering.")
        for table in WITNESSES
    ]
    within = "BigQuery has billed less than 80 % of BIGQUERY_DAILY_BYTES today (UTC), for all tables together."
    specs.append(AssetCheckSpec(WITHIN_DAILY_LIMIT, asset=source_key(settings, WITNESSES[0]), description=within))
    for table in TABLES:
        key = published_key(table)
        fresh = "The table is up to date with BigQuery, or has not been behind for long."
        specs.append(AssetCheckSpec(PUBLISHED_IS_FRESH, asset=key, description=fresh))
        succeeded = "The last sync published the table from all of its source tables."
        specs.append(AssetCheckSpec(LAST_SYNC_SUCCEEDED, asset=key, description=succeeded))
    return specs


def freshness_checks(settings: Settings) -> AssetChecksDefinition:
    """The checks as a step, to be run by hand."""

    @multi_asset_check(name="freshness", specs=freshness_specs(settings), can_subset=True)
    def freshness(
        context: AssetCheckExecutionContext, bigquery: BigQueryResource, postgres: PostgresResource
    ) -> Iterator[AssetCheckResult]:
        with as_failure():
            verdicts = evaluate(bigquery, postgres)
        for verdict in verdicts:
            key = asset_key(settings, verdict)
            if AssetCheckKey(key, verdict.check) in context.selected_asset_check_keys:
                yield AssetCheckResult(
                    check_name=verdict.check,
                    asset_key=key,
                    passed=verdict.passed,
                    severity=SEVERITIES[verdict.severity],
                    description=verdict.description,
                    metadata=dict(verdict.metadata),
                )

    return freshness


def freshness_sensor(settings: Settings) -> SensorDefinition:
    """Evaluates the checks every CHECK_INTERVAL_SECONDS."""

    @sensor(
        name="freshness",
        minimum_interval_seconds=settings.check_interval_seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description="Evaluates the freshness checks without starting a run.",
    )
    def sense(bigquery: BigQueryResource, postgres: PostgresResource) -> SensorResult | SkipReason:
        try:
            verdicts = evaluate(bigquery, postgres)
        except CoachingError as error:
            return SkipReason(str(error))
        failing = sum(not verdict.passed for verdict in verdicts)
        return SensorResult(
            skip_reason=f"{len(verdicts)} checks evaluated, {failing} failing.",
            asset_events=[_evaluation(settings, verdict) for verdict in verdicts],
        )

    return sense


def evaluate(bigquery: BigQueryResource, postgres: PostgresResource) -> list[Verdict]:
    """Evaluate all checks now.

    Raises:
        SettingError, CannotConnect: Postgres cannot be reached.
    """
    from coaching_assets.freshness.evaluate import evaluate_freshness

    with postgres.connect(autocommit=True) as database, bigquery.connect() as client:
        return list(evaluate_freshness(postgres.settings.load(), client, database, datetime.now(UTC)))


def asset_key(settings: Settings, verdict: Verdict) -> AssetKey:
    """The asset that a verdict is about."""
    table = verdict.table
    return source_key(settings, table) if isinstance(table, SourceTable) else published_key(table)


def _evaluation(settings: Settings, verdict: Verdict) -> AssetCheckEvaluation:
    return AssetCheckEvaluation(
        check_name=verdict.check,
        asset_key=asset_key(settings, verdict),
        passed=verdict.passed,
        severity=SEVERITIES[verdict.severity],
        description=verdict.description,
        metadata=dict(verdict.metadata),
    )
