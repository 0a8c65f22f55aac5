"""The jobs: one syncs everything, one reconciles."""

from dagster import AssetSelection, DagsterInstance, DagsterRunStatus, RunsFilter, define_asset_job
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from coaching_assets.defs.freshness_checks import freshness_specs
from coaching_assets.defs.logs import run_logging
from coaching_assets.defs.reconciliation_checks import reconciliation_check_keys
from coaching_assets.settings import Settings

SYNC_JOB = "coaching_sync"
RECONCILIATION_JOB = "coaching_reconciliation"

UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def coaching_sync(settings: Settings) -> UnresolvedAssetJobDefinition:
    """The main job: every table of the replica, then every published table."""
    freshness = AssetSelection.checks(*(spec.key for spec in freshness_specs(settings)))
    return define_asset_job(
        SYNC_JOB,
        selection=AssetSelection.all() - freshness - _reconciliation(settings),
        config=run_logging(settings),
        description="Brings the replica up to date with BigQuery, and the application's tables with the replica.",
    )


def coaching_reconciliation(settings: Settings) -> UnresolvedAssetJobDefinition:
    """The daily job: compares all rows, and repairs what differs unless RECONCILE_REPAIR is off."""
    return define_asset_job(
        RECONCILIATION_JOB,
        selection=_reconciliation(settings),
        config=run_logging(settings),
        description="Compares the replica with BigQuery and the application's tables with the replica; repairs"
        " differences.",
    )


def unfinished_sync(instance: DagsterInstance) -> str | None:
    """A sentence about the sync that is queued or running; None if there is none."""
    runs = instance.get_runs(RunsFilter(job_name=SYNC_JOB, statuses=UNFINISHED), limit=1)
    if not runs:
        return None
    state = "queued" if runs[0].status == DagsterRunStatus.QUEUED else "running"
    return f"The sync {runs[0].run_id[:8]} is still {state}."


def _reconciliation(settings: Settings) -> AssetSelection:
    return AssetSelection.checks(*reconciliation_check_keys(settings))
