"""What changed is noticed by metadata alone, asked for once, and not at all where nothing changed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
    RunRequest,
    SensorResult,
    SkipReason,
    build_sensor_context,
    execute_job,
    reconstructable,
)

from coaching_assets.definitions import sync_job
from coaching_assets.defs.change_sensor import evaluate_changes
from coaching_assets.defs.schedules import WHOLE, evaluate_hour
from coaching_assets.demo.sample import Sample, generate
from coaching_assets_tests.faults.proxy import proxy
from coaching_assets_tests.support.dagster_resources import servers
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited

ACCOUNT, CALL = ("salesforce", "account"), ("gong", "call")
BIT_LATER = timedelta(minutes=5)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate(0.02)


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def sync(instance: DagsterInstance) -> bool:
    with execute_job(reconstructable(sync_job), instance=instance, tags=WHOLE) as result:
        return result.success


def tick(
    instance: DagsterInstance, deployment: Deployment, cursor: str | None, later: timedelta = BIT_LATER
) -> SensorResult:
    context = build_sensor_context(instance=instance, cursor=cursor)
    result = evaluate_changes(context, *servers(), datetime.now(UTC) + later)
    assert isinstance(result, SensorResult), result
    return result


def reason(result: SensorResult) -> str:
    assert isinstance(result.skip_reason, SkipReason)
    return result.skip_reason.skip_message or ""


def test_what_changed_is_asked_for_once_with_what_is_made_of_it(
    deployment: Deployment, instance: DagsterInstance, sample: Sample
) -> None:
    deployment.load(sample)
    first = tick(instance, deployment, None)
    assert len(first.asset_events) == 15, "an observation of each table"
    assert first.run_requests
    assert len(first.run_requests[0].asset_selection or []) == 15 + 6, "nothing is loaded yet: everything"
    assert sync(instance)

    quiet = tick(instance, deployment, first.cursor)
    assert not quiet.run_requests
    assert not quiet.asset_events
    assert reason(quiet) == "Nothing changed in BigQuery since the last load."
    assert not tick(instance, deployment, None).run_requests, "a cursor that was reset asks for nothing that is loaded"

    changed = edited(sample, ACCOUNT, {}, name="Renamed")
    deployment.load(changed, tables=["account"])
    assert "waiting until nothing changes" in reason(tick(instance, deployment, quiet.cursor, timedelta()))
    asked = tick(instance, deployment, quiet.cursor)
    assert asked.run_requests
    wanted = {"salesforce_ft/account", "coaching/opportunities", "coaching/call_opportunities", "coaching/emails"}
    assert {"/".join(key.path) for key in asked.run_requests[0].asset_selection or []} == wanted
    assert [event.asset_key for event in asked.asset_events] == [AssetKey(["bigquery", "salesforce_ft", "account"])]
    assert "requested before" in reason(tick(instance, deployment, asked.cursor)), "no storm where a run does not help"

    deployment.client.delete_table(f"{deployment.name}.gongio_ft.email")
    gone = tick(instance, deployment, asked.cursor)
    assert AssetKey(["gongio_ft", "email"]) in (gone.run_requests or [])[0].asset_selection
    assert sync(instance)
    assert not tick(instance, deployment, gone.cursor).run_requests


@pytest.mark.slow
def test_an_hour_of_ticks_without_changes_asks_for_no_run(
    deployment: Deployment, instance: DagsterInstance, sample: Sample
) -> None:
    deployment.load(sample)
    cursor = tick(instance, deployment, None).cursor
    assert sync(instance)
    for number in range(60 * 60 // deployment.settings.sensor_interval_seconds):
        later = timedelta(seconds=number * deployment.settings.sensor_interval_seconds)
        result = tick(instance, deployment, cursor, later)
        assert not result.run_requests
        assert reason(result) == f"Nothing changed in BigQuery since the last {'tick' if number else 'load'}."
        cursor = result.cursor


def test_postgres_is_asked_only_if_bigquery_changed(
    deployment: Deployment, instance: DagsterInstance, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that suspends while no session is open stays suspended."""
    server = deployment.postgres
    with proxy(server.host, server.port) as between:

        def connections(cursor: str | None, ticks: int) -> tuple[str | None, int]:
            before = between.accepted
            for _ in range(ticks):
                cursor = tick(instance, deployment, cursor).cursor
            return cursor, between.accepted - before

        deployment.load(sample)
        assert sync(instance)
        monkeypatch.setenv("DATABASE_URL", deployment.url.replace(f":{server.port}/", f":{between.port}/"))
        cursor, asked = connections(None, 1)
        assert asked == 1
        assert connections(cursor, 3) == (cursor, 0)

        renamed = edited(sample, ACCOUNT, {}, name="Renamed")
        deployment.load(renamed, tables=["account"])
        cursor, asked = connections(cursor, 1)
        assert asked == 1
        assert connections(cursor, 3)[1] == 1, "the requested sync never ran: the hourly sync retries"

        assert sync(instance)
        deployment.load(edited(renamed, CALL, {}, title="Renamed"), tables=["call"])
        monkeypatch.setenv("DATABASE_URL", deployment.url)
        assert tick(instance, deployment, cursor).run_requests

        deployment.client.delete_table(f"{deployment.name}.gongio_ft.email")
        monkeypatch.setenv("DATABASE_URL", deployment.url.replace(f":{server.port}/", f":{between.port}/"))
        assert connections(cursor, 1)[1] == 1


def test_bigquery_away_is_a_reason_and_no_run(
    deployment: Deployment, instance: DagsterInstance, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.load(sample, tables=["account"])
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1")
    result = evaluate_changes(build_sensor_context(instance=instance), *servers(), datetime.now(UTC))
    assert isinstance(result, SkipReason)
    assert "BIGQUERY_EMULATOR_HOST" in (result.skip_message or "")


@pytest.mark.slow
def test_an_hour_without_changes_is_skipped_and_a_day_is_not(
    deployment: Deployment, instance: DagsterInstance, sample: Sample
) -> None:
    deployment.load(sample)
    now = datetime.now(UTC)
    assert isinstance(evaluate_hour(instance, *servers(), now), RunRequest), "there never was a sync"
    assert sync(instance)
    for hour in range(1, 4):
        skipped = evaluate_hour(instance, *servers(), now + timedelta(hours=hour))
        assert isinstance(skipped, SkipReason)
        assert "has not changed" in (skipped.skip_message or "")
    assert isinstance(evaluate_hour(instance, *servers(), now + timedelta(hours=25)), RunRequest)

    deployment.load(edited(sample, CALL, {}, title="Renamed"), tables=["call"])
    assert isinstance(evaluate_hour(instance, *servers(), now + timedelta(hours=1)), RunRequest)

    running = instance.create_run_for_job(sync_job(), status=DagsterRunStatus.STARTED)
    skipped = evaluate_hour(instance, *servers(), now + timedelta(hours=1))
    assert isinstance(skipped, SkipReason)
    assert skipped.skip_message == f"The sync {running.run_id[:8]} is still running."


@pytest.mark.parametrize("ticks", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_ticks_create_no_job_in_bigquery(
    deployment: Deployment, instance: DagsterInstance, sample: Sample, ticks: int
) -> None:
    deployment.load(sample)
    before = {job.job_id for job in deployment.client.list_jobs(all_users=True)}
    cursor = None
    for _ in range(ticks):
        cursor = tick(instance, deployment, cursor).cursor
    assert {job.job_id for job in deployment.client.list_jobs(all_users=True)} == before
    assert json.loads(cursor or "")["modified"]
