"""Find the current problems in Dagster's history: failing asset checks, and jobs whose runs failed."""

from collections.abc import Iterator
from datetime import UTC, datetime

from dagster import (
    AssetCheckSeverity,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RepositoryDefinition,
    RunRecord,
    RunsFilter,
)
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from coaching_assets.alerts.problem import FAILURES_THAT_PAGE, Problem, check_path
from coaching_assets.defs.failures import explain_failure, first_line
from coaching_assets.defs.jobs import SYNC_JOB

MAXIMUM_RUNS = 50
"""The newest finished runs per job that are examined."""

WILL_RETRY = "dagster/will_retry"
IS_RETRY_FROM_FAILURE = "dagster/is_resume_retry"

COMPLETED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE]
"""The final states that count. A cancelled run is neither a failure nor a recovery."""


def current_problems(
    instance: DagsterInstance, repository: RepositoryDefinition, location: str | None = None
) -> list[Problem]:
    """The problems of a code location.

    Args:
        instance: the instance with the history of runs and checks.
        repository: the code location's checks and jobs.
        location: the code location's name. Runs of other locations with jobs of the same name do not count. None: all
            runs count.
    """
    return [*failing_checks(instance, repository), *failed_jobs(instance, repository, location)]


def failing_checks(instance: DagsterInstance, repository: RepositoryDefinition) -> Iterator[Problem]:
    """The checks whose last completed evaluation failed."""
    storage = instance.event_log_storage
    keys = sorted(repository.asset_graph.asset_check_keys, key=lambda key: (key.name, key.asset_key))
    latest = storage.get_latest_asset_check_execution_by_key(keys)
    for key in keys:
        record: AssetCheckExecutionRecord | None = latest.get(key)
        if record is not None and record.status not in COMPLETED:
            record = next(iter(storage.get_asset_check_execution_history(key, limit=1, status=COMPLETED)), None)
        evaluation = record.evaluation if record is not None else None
        if record is None or record.event is None or evaluation is None or evaluation.passed:
            continue
        table = "/".join(key.asset_key.path)
        yield Problem(
            kind="check",
            name=key.name,
            table=table,
            level="error" if evaluation.severity == AssetCheckSeverity.ERROR else "warning",
            since=datetime.fromtimestamp(record.event.timestamp, UTC),
            reason=first_line(evaluation.description or ""),
            path=check_path(key.name, table),
        )


def failed_jobs(
    instance: DagsterInstance, repository: RepositoryDefinition, location: str | None = None
) -> Iterator[Problem]:
    """The jobs with a failed run that was not retried and whose assets no later run materialized.

    Assets count, not the last run: if one pipeline fails every hour, a run of another pipeline is no recovery.
    """
    succeeded: set[object] = set()
    failures: dict[str, list[RunRecord]] = {}
    for record in _ended_runs(instance, repository, location):
        run = record.dagster_run
        if run.status == DagsterRunStatus.SUCCESS:
            succeeded |= _brought_up_to_date(repository, run)
        elif run.tags.get(WILL_RETRY, "").lower() != "true" and not _covered(repository, run) <= succeeded:
            failures.setdefault(run.job_name, []).append(record)
    for name, records in failures.items():
        newest, oldest = records[0], records[-1]
        reason = _reason(instance, newest.dagster_run)
        path = f"/runs/{newest.dagster_run.run_id}"
        yield Problem("job", name, "", "error", _ended_at(oldest), reason, path)
        if name == SYNC_JOB and len(records) >= FAILURES_THAT_PAGE:
            yield Problem("page", name, "", "error", _ended_at(oldest), reason, path)


def _ended_runs(instance: DagsterInstance, repository: RepositoryDefinition, location: str | None) -> list[RunRecord]:
    """The runs that succeeded or failed, the newest first."""
    records = [
        record
        for job in repository.job_names
        for record in instance.get_run_records(RunsFilter(job_name=job, statuses=ENDED), limit=MAXIMUM_RUNS)
        if _is_ours(record.dagster_run, location)
    ]
    return sorted(records, key=_ended_at, reverse=True)


def _is_ours(run: DagsterRun, location: str | None) -> bool:
    origin = run.remote_job_origin
    return location is None or origin is None or origin.location_name == location


def _ended_at(record: RunRecord) -> datetime:
    return datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)


def _covered(repository: RepositoryDefinition, run: DagsterRun) -> frozenset[object]:
    """The assets that a run selected; for a run without assets, its job's name."""
    if run.asset_selection or run.asset_check_selection:
        assets = frozenset(run.asset_selection or ())
    else:
        assets = frozenset(repository.get_job(run.job_name).asset_layer.selected_asset_keys)
    return assets or frozenset({run.job_name})


def _brought_up_to_date(repository: RepositoryDefinition, run: DagsterRun) -> frozenset[object]:
    """The assets that a successful run materialized; none if somebody ran only some of its steps."""
    steps = run.step_keys_to_execute
    some_only = steps is not None and len(steps) < len(repository.get_job(run.job_name).nodes)
    if some_only and not run.asset_selection and run.tags.get(IS_RETRY_FROM_FAILURE) != "true":
        return frozenset()
    return _covered(repository, run)


def _reason(instance: DagsterInstance, run: DagsterRun) -> str:
    """The first error of a failed run, as one line."""
    types = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
    records = instance.get_records_for_run(run.run_id, of_type=types, limit=1).records
    event = records[0].event_log_entry.dagster_event if records else None
    return (
        explain_failure(event)
        if event is not None
        else "Dagster's history has no reason. Open the run in Dagster's UI."
    )
