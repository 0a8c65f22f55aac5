"""Dagster shows a table as unsynced only where its source changed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, SensorResult, build_sensor_context
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from coaching_assets.definitions import defs
from coaching_assets.defs.change_sensor import evaluate_changes
from coaching_assets.defs.jobs import SYNC_JOB
from coaching_assets.demo.sample import generate
from coaching_assets_tests.support.dagster_resources import servers
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited

REPLICA = ("gongio_ft", "salesforce_ft")


def observe(instance: DagsterInstance) -> None:
    """A tick of the sensor, whose observations are recorded."""
    result = evaluate_changes(
        build_sensor_context(instance=instance), *servers(), datetime.now(UTC) + timedelta(minutes=5)
    )
    assert isinstance(result, SensorResult)
    for event in result.asset_events:
        instance.report_runless_asset_event(event)


def unsynced(instance: DagsterInstance) -> set[str]:
    """The tables of the replica that Dagster shows as unsynced."""
    graph = defs.get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    keys = [key for key in graph.materializable_asset_keys if key.path[0] in REPLICA]
    return {"/".join(key.path) for key in keys if resolver.get_status(key) != StaleStatus.FRESH}


def test_only_the_table_whose_source_changed_is_unsynced(deployment: Deployment) -> None:
    sample = generate(0.02)
    deployment.load(sample)
    job = defs.resolve_job_def(SYNC_JOB)
    with DagsterInstance.ephemeral() as instance:
        assert len(unsynced(instance)) == 15, "nothing is loaded yet"
        observe(instance)
        assert job.execute_in_process(instance=instance).success
        observe(instance)
        assert unsynced(instance) == set()

        deployment.load(edited(sample, ("gong", "users"), {}, title="Captain"), tables=["users"])
        observe(instance)
        assert unsynced(instance) == {"gongio_ft/users"}
        selection = [AssetKey(["gongio_ft", "users"])]
        assert job.execute_in_process(instance=instance, asset_selection=selection).success
        assert unsynced(instance) == set()


@pytest.mark.slow
def test_a_sync_from_the_command_line_leaves_nothing_unsynced(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.load(generate(0.02))
    (tmp_path / "dagster.yaml").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert deployment.sync().success
    with DagsterInstance.get() as instance:
        observe(instance)
        assert unsynced(instance) == set()
