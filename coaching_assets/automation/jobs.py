"""The job that syncs everything, and how its steps are executed."""

from dagster import AssetSelection, ExecutorDefinition, define_asset_job, in_process_executor

SYNC_JOB = "coaching_sync"

# A step of its own process would import Dagster, dlt and Google's clients again, which takes longer than most syncs.
# A step starts as soon as what it needs has been yielded, even where the step that yielded it fails afterwards over
# another table: one table that cannot be read does not keep the rest from being published.
executor: ExecutorDefinition = in_process_executor.configured(
    {"step_dependency_config": {"require_upstream_step_success": False}}, name="in_process"
)

coaching_sync = define_asset_job(
    SYNC_JOB,
    selection=AssetSelection.all(),
    description="Brings the replica up to date with BigQuery, and the application's tables with the replica.",
)
