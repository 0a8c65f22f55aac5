"""When the jobs run by the clock."""

from dagster import DefaultScheduleStatus, ScheduleDefinition

from coaching_assets.automation.jobs import coaching_reconciliation, coaching_sync
from coaching_assets.settings import Settings


def hourly_coaching_sync(settings: Settings) -> ScheduleDefinition:
    """The schedule of the main job: every full hour, on by default."""
    return ScheduleDefinition(
        name="hourly_coaching_sync",
        job=coaching_sync,
        cron_schedule="0 * * * *",
        execution_timezone=settings.schedule_timezone,
        default_status=DefaultScheduleStatus.RUNNING,
        description="A sync at every full hour.",
    )


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
