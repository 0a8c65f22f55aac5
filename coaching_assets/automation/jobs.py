"""The job that syncs everything, the one that reconciles, and how its steps are executed."""

from dagster import AssetSelection, ExecutorDefinition, define_asset_job, in_process_executor

from coaching_assets.checks.assets import reconciliation_check_keys
from coaching_assets.settings import load_settings

SYNC_JOB = "coaching_sync"
RECONCILIATION_JOB = "coaching_reconciliation"

# A step of its own process would import Dagster, dlt and Google's clients again, which takes longer than most syncs.
# A step starts as soon as what it needs has been yielded, even where the step that yielded it fails afterwards over
# another table: one table that cannot be read does not keep the rest from being published.
executor: ExecutorDefinition = in_process_executor.configured(
    {"step_dependency_config": {"require_upstream_step_success": False}}, name="in_process"
)

reconciliation = AssetSelection.checks(*reconciliation_check_keys(load_settings()))

coaching_sync = define_asset_job(
    SYNC_JOB,
    selection=AssetSelection.all() - reconciliation,
    description="Brings the replica up to date with BigQuery, and the application's tables with the replica.",
)

coaching_reconciliation = define_asset_job(
    RECONCILIATION_JOB,
    selection=reconciliation,
    description="Proves that the replica equals BigQuery and the application's tables the replica; mends what differs.",
)
