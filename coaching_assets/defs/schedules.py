"""The schedules: a sync every hour that has something to do, a reconciliation every day."""

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

from coaching_assets.defs.jobs import RECONCILIATION_JOB, SYNC_JOB, unfinished_sync
from coaching_assets.defs.resources import BigQueryResource, PostgresResource
from coaching_assets.errors import CoachingError
from coaching_assets.settings import Settings

WHOLE = {"trigger": "schedule"}
"""The tag of a run that syncs everything."""


def hourly_coaching_sync(settings: Settings) -> ScheduleDefinition:
    """The schedule of the main job: every full hour, on by default."""

    @schedule(
        name="hourly_coaching_sync",
        job_name=SYNC_JOB,
        cron_schedule="0 * * * *",
        execution_timezone=settings.schedule_timezone,
        default_status=DefaultScheduleStatus.RUNNING,
        description="Syncs every full hour if BigQuery changed since the last sync, and once a day in any case.",
    )
    def evaluate(
        context: ScheduleEvaluationContext, bigquery: BigQueryResource, postgres: PostgresResource
    ) -> RunRequest | SkipReason:
        return evaluate_hour(context.instance, bigquery, postgres, datetime.now(UTC))

    return evaluate


def evaluate_hour(
    instance: DagsterInstance, bigquery: BigQueryResource, postgres: PostgresResource, now: datetime
) -> RunRequest | SkipReason:
    """Request a run, or give the reason why none is needed."""
    reason = unfinished_sync(instance) or _nothing_to_do(instance, bigquery, postgres, now)
    return SkipReason(reason) if reason else RunRequest(run_key=f"{now:%Y-%m-%dT%H}", tags=WHOLE)


def _nothing_to_do(
    instance: DagsterInstance, bigquery: BigQueryResource, postgres: PostgresResource, now: datetime
) -> str | None:
    """The reason why no run is needed, or None.

    A server that cannot be reached, or a wrong setting, is a reason to run: the run then fails visibly.
    """
    from coaching_assets.replica.changes import detect_changes
    from coaching_assets.replica.postponed import are_windows_waiting

    latest = instance.get_runs(RunsFilter(job_name=SYNC_JOB), limit=1)
    if not latest or latest[0].status != DagsterRunStatus.SUCCESS:
        return None
    try:
        settings = postgres.settings.load()
        since = now - settings.longest_without_sync
        whole = RunsFilter(job_name=SYNC_JOB, statuses=[DagsterRunStatus.SUCCESS], tags=WHOLE, created_after=since)
        if not instance.get_runs(whole, limit=1):
            return None
        with postgres.connect(autocommit=True) as database, bigquery.connect() as client:
            changes = detect_changes(client, database, settings)
            windows_wait = are_windows_waiting(database, settings, now)
    except CoachingError:
        return None
    if changes.changed or changes.unknowable or changes.found.failed or windows_wait:
        return None
    return f"BigQuery has not changed since the sync {latest[0].run_id[:8]}."


def daily_reconciliation(settings: Settings) -> ScheduleDefinition:
    """The schedule of the reconciliation: RECONCILE_CRON, on by default."""
    return ScheduleDefinition(
        name="daily_reconciliation",
        job_name=RECONCILIATION_JOB,
        cron_schedule=settings.reconcile_cron,
        execution_timezone=settings.schedule_timezone,
        default_status=DefaultScheduleStatus.RUNNING,
        description="Reconciles every day.",
    )
