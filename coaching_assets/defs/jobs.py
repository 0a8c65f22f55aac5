"""The job that syncs everything, the one that reconciles, and how its steps are executed."""

from dagster import (
    AssetSelection,
    DagsterInstance,
    DagsterRunStatus,
    ExecutorDefinition,
    RunsFilter,
    define_asset_job,
    in_process_executor,
)

from coaching_assets.defs.logs import run_logging
from coaching_assets.defs.reconciliation_checks import reconciliation_check_keys
from coaching_assets.freshness.freshness import freshness_specs
from coaching_assets.settings import load_settings

SYNC_JOB = "coaching_sync"
RECONCILIATION_JOB = "coaching_reconciliation"

UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]

# A step of its own process would import Dagster, dlt and Google's clients again, which takes longer than most syncs.
# A step starts as soon as what it needs has been yielded, even where the step that yielded it fails afterwards over
# another table: one table that cannot be read does not keep the rest from being published.
executor: ExecutorDefinition = in_process_executor.configured(
    {"step_dependency_config": {"require_upstream_step_success": False}}, name="in_process"
)

settings = load_settings()
freshness = AssetSelection.checks(*(spec.key for spec in freshness_specs(settings)))
reconciliation = AssetSelection.checks(*reconciliation_check_keys(settings))

coaching_sync = define_asset_job(
    SYNC_JOB,
    selection=AssetSelection.all() - freshness - reconciliation,
    config=run_logging(settings),
    description="Brings the replica up to date with BigQuery, and the application's tables with the replica.",
)

coaching_reconciliation = define_asset_job(
    RECONCILIATION_JOB,
    selection=reconciliation,
    config=run_logging(settings),
    description="Proves that the replica equals BigQuery and the application's tables the replica; mends what differs.",
)


def unfinished_sync(instance: DagsterInstance) -> str | None:
    """A sentence about the sync that is queued or running; None where there is none."""
    runs = instance.get_runs(RunsFilter(job_name=SYNC_JOB, statuses=UNFINISHED), limit=1)
    if not runs:
        return None
    state = "queued" if runs[0].status == DagsterRunStatus.QUEUED else "running"
    return f"The sync {runs[0].run_id[:8]} is still {state}."
