"""Dagster's instance without storage, its records of asset checks, and its tags of runs."""

import pytest

from coaching_assets.defs import problems
from coaching_assets_tests.contracts.promises import Promise, check, check_complete, expect

INSTANCE = "defs/instance.py builds an instance that stores nothing from it"
INSTANCE_REMEDY = "Adapt instance_of_this_process, or use DagsterInstance.ephemeral(), which takes 29 % longer."
CHECKS = "defs/problems.py reads the newest result of each check by it"
CHECKS_REMEDY = "Adapt failing_checks, and run coaching_assets_tests/alerts."
RECORD = "dagster._core.storage.asset_check_execution_record"
EVENT_LOG = "dagster._core.storage.event_log:InMemoryEventLogStorage"

PROMISES = (
    Promise("dagster._core.instance.types:InstanceType.EPHEMERAL", INSTANCE, INSTANCE_REMEDY),
    Promise("dagster._core.launcher.sync_in_memory_run_launcher:SyncInMemoryRunLauncher", INSTANCE, INSTANCE_REMEDY),
    Promise("dagster._core.run_coordinator:DefaultRunCoordinator", INSTANCE, INSTANCE_REMEDY),
    Promise("dagster._core.storage.noop_compute_log_manager:NoOpComputeLogManager", INSTANCE, INSTANCE_REMEDY),
    Promise("dagster._core.storage.root:LocalArtifactStorage", INSTANCE, INSTANCE_REMEDY, ("base_dir",)),
    Promise("dagster._core.storage.runs:InMemoryRunStorage", INSTANCE, INSTANCE_REMEDY),
    Promise(f"{EVENT_LOG}.store_event", INSTANCE, INSTANCE_REMEDY, ("self", "event")),
    Promise(f"{EVENT_LOG}.get_asset_records", INSTANCE, INSTANCE_REMEDY, ("self", "asset_keys")),
    Promise(f"{EVENT_LOG}.fetch_observations", INSTANCE, INSTANCE_REMEDY, ("self", "records_filter", "limit")),
    Promise(f"{RECORD}:AssetCheckExecutionRecord", CHECKS, CHECKS_REMEDY),
    Promise(f"{RECORD}:AssetCheckExecutionRecordStatus.SUCCEEDED", CHECKS, CHECKS_REMEDY),
    Promise(f"{RECORD}:AssetCheckExecutionRecordStatus.FAILED", CHECKS, CHECKS_REMEDY),
    Promise(
        "dagster._core.definitions.unresolved_asset_job_definition:UnresolvedAssetJobDefinition",
        "defs/jobs.py names the type",
        "Import the type from its new place.",
    ),
)

EVENT_LOG_METHODS = (
    Promise(f"{EVENT_LOG}.get_latest_asset_check_execution_by_key", CHECKS, CHECKS_REMEDY, ("self", "check_keys")),
    Promise(f"{EVENT_LOG}.get_asset_check_execution_history", CHECKS, CHECKS_REMEDY, ("self", "check_key", "limit")),
)


@pytest.mark.parametrize("promise", PROMISES + EVENT_LOG_METHODS, ids=lambda promise: promise.name)
def test_name(promise: Promise) -> None:
    check(promise, "dagster")


def test_the_list_is_complete() -> None:
    check_complete(PROMISES, r"dagster\._.*")


@pytest.mark.parametrize("field", ["status", "event", "evaluation"])
def test_a_record_of_a_check_has_the_field(field: str) -> None:
    from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

    expect(hasattr(AssetCheckExecutionRecord, field), "dagster", f"it has no {field}", CHECKS, CHECKS_REMEDY)


def test_the_history_can_be_filtered_by_status() -> None:
    method = Promise(f"{EVENT_LOG}.get_asset_check_execution_history", CHECKS, CHECKS_REMEDY)
    from inspect import signature
    from pkgutil import resolve_name

    parameters = signature(resolve_name(method.name)).parameters
    expect("status" in parameters, "dagster", f"{method.name} has no parameter status", CHECKS, CHECKS_REMEDY)


@pytest.mark.parametrize(
    ("constant", "used"),
    [("WILL_RETRY_TAG", problems.WILL_RETRY), ("RESUME_RETRY_TAG", problems.IS_RETRY_FROM_FAILURE)],
)
def test_a_tag_of_runs_keeps_its_name(constant: str, used: str) -> None:
    from dagster._core.storage import tags

    found = getattr(tags, constant, None)
    expect(
        found == used,
        "dagster",
        f"{constant} is {found}",
        f"defs/problems.py reads the tag {used}",
        "Adapt it.",
    )
