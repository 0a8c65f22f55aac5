"""Freshness is measured on data: a quiet weekend is fresh, a change that nobody published is not."""

from datetime import UTC, datetime, timedelta

import pytest
from dagster import AssetCheckKey, AssetKey, DagsterInstance, SensorResult, build_sensor_context

from coaching_assets.defs.freshness_checks import asset_key, freshness_sensor
from coaching_assets.defs.resources import default_resources
from coaching_assets.demo.sample import Sample, generate
from coaching_assets.freshness.evaluate import evaluate_freshness
from coaching_assets.freshness.verdict import (
    LAST_SYNC_SUCCEEDED,
    PUBLISHED_IS_FRESH,
    SOURCE_IS_FRESH,
    Verdict,
)
from coaching_assets_tests.support.dagster_resources import servers
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited

CALL = ("gong", "call")
CALLS = AssetKey(["coaching", "calls"])
GONG = AssetKey(["bigquery", "gongio_ft", "call"])


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate(0.02, until=datetime.now(UTC).replace(microsecond=0))


def verdicts(deployment: Deployment, now: datetime) -> dict[tuple[str, AssetKey], Verdict]:
    bigquery, postgres = servers()
    with postgres.connect(autocommit=True) as database, bigquery.connect() as client:
        found = list(evaluate_freshness(deployment.settings, client, database, now))
    return {(verdict.check, asset_key(deployment.settings, verdict)): verdict for verdict in found}


def test_only_what_changed_and_is_not_published_is_stale(
    deployment: Deployment, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = verdicts(deployment, datetime.now(UTC))
    assert "Never published" in never[PUBLISHED_IS_FRESH, CALLS].description
    assert not never[LAST_SYNC_SUCCEEDED, CALLS].passed

    deployment.load(sample)
    assert deployment.sync().success
    now = datetime.now(UTC)
    weekend = verdicts(deployment, now + timedelta(days=3))
    assert weekend[PUBLISHED_IS_FRESH, CALLS].passed, "nothing changed: not stale"
    assert weekend[PUBLISHED_IS_FRESH, CALLS].metadata["lag_seconds"] == 0
    assert weekend[LAST_SYNC_SUCCEEDED, CALLS].passed
    assert not weekend[SOURCE_IS_FRESH, GONG].passed
    assert weekend[SOURCE_IS_FRESH, GONG].severity == "warning"
    assert "Fivetran's dashboard" in weekend[SOURCE_IS_FRESH, GONG].description
    assert verdicts(deployment, now)[SOURCE_IS_FRESH, GONG].passed

    deployment.load(edited(sample, CALL, {}, title="Renamed"), tables=["call"])
    changed = datetime.now(UTC)
    for minutes, passed, severity in (
        (30, True, None),
        (80, False, "warning"),
        (130, False, "error"),
    ):
        found = verdicts(deployment, changed + timedelta(minutes=minutes))
        assert found[PUBLISHED_IS_FRESH, CALLS].passed == passed, minutes
        assert severity in (None, found[PUBLISHED_IS_FRESH, CALLS].severity)
        assert found[PUBLISHED_IS_FRESH, AssetKey(["coaching", "emails"])].passed, "made of nothing that changed"
    monkeypatch.setenv("FRESHNESS_OBJECTIVES", "calls=500:600")
    assert verdicts(deployment, changed + timedelta(minutes=130))[PUBLISHED_IS_FRESH, CALLS].passed

    # since when it is behind is kept: a source that changes all the time does not look fresh for it
    deployment.load(edited(sample, CALL, {}, title="Renamed again"), tables=["call"])
    monkeypatch.delenv("FRESHNESS_OBJECTIVES")
    again = verdicts(deployment, changed + timedelta(minutes=80))[PUBLISHED_IS_FRESH, CALLS]
    assert not again.passed
    assert deployment.sync().success
    assert verdicts(deployment, datetime.now(UTC) + timedelta(hours=3))[PUBLISHED_IS_FRESH, CALLS].passed


@pytest.mark.slow
def test_a_publisher_that_fails_is_noticed_by_what_it_did_not_publish(deployment: Deployment, sample: Sample) -> None:
    deployment.load(sample)
    assert deployment.sync().success
    deployment.query(
        "create function refuse() returns trigger language plpgsql as $$begin raise sqlstate '53100'; end$$;"
        "create trigger refuse before update on calls for each row execute function refuse()"
    )
    deployment.load(edited(sample, CALL, {}, title="Renamed"), tables=["call"])
    in_three_hours = datetime.now(UTC) + timedelta(hours=3)
    noticed = verdicts(deployment, in_three_hours)[PUBLISHED_IS_FRESH, CALLS]
    assert not deployment.sync().success
    found = verdicts(deployment, in_three_hours)
    assert found[PUBLISHED_IS_FRESH, CALLS].severity == "error"
    assert found[PUBLISHED_IS_FRESH, CALLS].metadata["lag_seconds"] == noticed.metadata["lag_seconds"]
    assert not found[PUBLISHED_IS_FRESH, CALLS].passed, "the replica has it, the published table has not"
    assert not found[LAST_SYNC_SUCCEEDED, CALLS].passed
    assert "no disk space left" in found[LAST_SYNC_SUCCEEDED, CALLS].description


def test_the_sensor_evaluates_without_a_run(deployment: Deployment, sample: Sample) -> None:
    with (
        DagsterInstance.ephemeral() as instance,
        build_sensor_context(instance=instance, resources=default_resources()) as context,
    ):
        result = freshness_sensor(deployment.settings)(context)
        assert isinstance(result, SensorResult)
        assert not result.run_requests
        for event in result.asset_events:
            instance.report_runless_asset_event(event)
        latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [AssetCheckKey(CALLS, PUBLISHED_IS_FRESH)]
        )
    assert list(latest) == [AssetCheckKey(CALLS, PUBLISHED_IS_FRESH)]
