"""When the jobs run by the clock: a sync each hour where there is something to do, a reconciliation each day."""

from datetime import UTC, datetime

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultScheduleStatus,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from coaching_assets.bigquery.errors import SourceError
from coaching_assets.defs.jobs import SYNC_JOB, coaching_reconciliation, coaching_sync, unfinished_sync
from coaching_assets.postgres.connection import CannotConnect, connect
from coaching_assets.settings import SettingError, Settings, load_settings

WHOLE = {"trigger": "schedule"}
"""The tag of a run that syncs everything."""


def hourly_coaching_sync(settings: Settings) -> ScheduleDefinition:
    """The schedule of the main job: every full hour, on by default."""

    @schedule(
        name="hourly_coaching_sync",
        job=coaching_sync,
        cron_schedule="0 * * * *",
        execution_timezone=settings.schedule_timezone,
        default_status=DefaultScheduleStatus.RUNNING,
        description="A sync at every full hour where BigQuery changed since the last one, and one a day in any case.",
    )
    def evaluate(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        return evaluate_hour(context.instance, load_settings(), datetime.now(UTC))

    return evaluate


def evaluate_hour(instance: DagsterInstance, settings: Settings, now: datetime) -> RunRequest | SkipReason:
    """One tick: a run, or the reason why none is needed."""
    reason = unfinished_sync(instance) or _nothing_to_do(instance, settings, now)
    return SkipReason(reason) if reason else RunRequest(run_key=f"{now:%Y-%m-%dT%H}", tags=WHOLE)


def _nothing_to_do(instance: DagsterInstance, settings: Settings, now: datetime) -> str | None:
    """Why no run is needed; None where one is, also where that cannot be known: its failure is then seen."""
    from coaching_assets.bigquery.client import connect as connect_bigquery
    from coaching_assets.replica.changes import look

    latest = instance.get_runs(RunsFilter(job_name=SYNC_JOB), limit=1)
    if not latest or latest[0].status != DagsterRunStatus.SUCCESS:
        return None
    since = now - settings.longest_without_sync
    whole = RunsFilter(job_name=SYNC_JOB, statuses=[DagsterRunStatus.SUCCESS], tags=WHOLE, created_after=since)
    if not instance.get_runs(whole, limit=1):
        return None
    try:
        with connect(settings, autocommit=True) as database, connect_bigquery(settings) as bigquery:
            changes = look(bigquery, database, settings)
    except (SettingError, CannotConnect, SourceError):
        return None
    if changes.changed or changes.unknowable or changes.found.failed:
        return None
    return f"Nothing changed in BigQuery since the sync {latest[0].run_id[:8]}."


def daily_reconciliation(settings: Settings) -> ScheduleDefinition:
    """The schedule of the reconciliation: daily, on by default."""
    return ScheduleDefinition(
        name="daily_reconciliation",
        job=coaching_reconciliation,
        cron_schedule=settings.reconcile_cron,
        execution_timezone=settings.schedule_timezone,
        default_status=DefaultScheduleStatus.RUNNING,
        description="A reconciliation every day.",
    )
