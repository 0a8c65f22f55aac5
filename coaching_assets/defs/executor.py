"""How the steps of a run are executed."""

from dagster import ExecutorDefinition, in_process_executor

# A process per step would import Dagster, dlt and Google's clients again, which takes longer than most syncs.
# A step starts as soon as its inputs have been yielded, even if the step that yielded them fails later over another
# table: one table that cannot be read does not keep the rest from being published.
executor: ExecutorDefinition = in_process_executor.configured(
    {"step_dependency_config": {"require_upstream_step_success": False}}, name="in_process"
)
