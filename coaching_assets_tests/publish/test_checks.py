"""What a step checks of its own work: oddities are counted and warned of, and what would be wrong is not published."""

from typing import Any

import pytest
from dagster import AssetCheckSeverity, AssetKey, execute_job, reconstructable

from coaching_assets.definitions import sync_job
from coaching_assets.defs.instance import instance_of_this_process
from coaching_assets.demo.sample import Sample, generate
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited

SPEAKER, CALL, TRANSCRIPT = ("gong", "call_speaker"), ("gong", "call"), ("gong", "transcript")


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate(0.02)


def checks_after_a_sync() -> dict[tuple[str, str], Any]:
    with (
        instance_of_this_process() as instance,
        execute_job(reconstructable(sync_job), instance=instance) as result,
    ):
        return {
            (evaluation.asset_key.path[-1], evaluation.check_name): evaluation
            for evaluation in result.get_asset_check_evaluations()
            if evaluation.asset_key.path[0] == "coaching"
        }


@pytest.mark.slow
def test_oddities_are_warned_of_until_they_are_repaired(deployment: Deployment, sample: Sample) -> None:
    deployment.load(sample)
    checks = checks_after_a_sync()
    assert checks["calls", "keys_unique"].passed
    assert checks["calls", "rows_accounted_for"].passed
    assert checks["speakers", "talk_time_within_call"].passed
    rejected = checks["transcripts", "rows_publishable"]
    assert not rejected.passed
    assert rejected.severity == AssetCheckSeverity.WARN
    assert "coaching rejected --table transcripts" in rejected.description

    call, gong_call, number = deployment.query(
        "select call_id::text, gong_call_id, sequence_number from transcripts join calls on calls.id = call_id"
        " where duration_seconds is not null and exists (select from speakers where speakers.call_id = calls.id)"
        " order by 2, 3 limit 1"
    )[0]
    deployment.query("insert into transcripts (call_id, sequence_number, text) values (%s, %s, 'Twin')", [call, number])
    speaker = next(row["id"] for row in sample.rows(*SPEAKER) if row["call_id"] == gong_call)
    odd = edited(sample, SPEAKER, {"call_id": gong_call, "id": speaker}, talk_time="999999")
    deployment.load(odd, tables=["call_speaker"])
    checks = checks_after_a_sync()
    assert not checks["speakers", "talk_time_within_call"].passed
    assert checks["speakers", "talk_time_within_call"].metadata["rows"].value == 1
    assert not checks["transcripts", "keys_unique"].passed
    assert checks["transcripts", "keys_unique"].metadata["rows"].value == 1

    deployment.query("delete from transcripts where text = 'Twin'")
    repaired = edited(odd, SPEAKER, {"call_id": gong_call, "id": speaker}, hours=2, talk_time="1")
    deployment.load(repaired, tables=["call_speaker"])
    checks = checks_after_a_sync()
    assert checks["speakers", "talk_time_within_call"].passed
    assert checks["transcripts", "keys_unique"].passed


def test_many_rejected_rows_are_an_error(
    deployment: Deployment, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REJECTED_ROWS_ERROR", "1")
    deployment.load(sample, tables=["call", "transcript"])
    rejected = checks_after_a_sync()["transcripts", "rows_publishable"]
    assert rejected.severity == AssetCheckSeverity.ERROR
    assert rejected.asset_key == AssetKey(["coaching", "transcripts"])


def test_rows_that_a_trigger_swallows_fail_the_step_and_nothing_is_committed(
    deployment: Deployment, sample: Sample
) -> None:
    deployment.query(
        "create function swallow() returns trigger language plpgsql as $$begin return null; end$$;"
        "create trigger swallow before insert on transcripts for each row execute function swallow()"
    )
    deployment.load(sample, tables=["call", "transcript"])
    report = deployment.sync()
    assert any("A trigger or a rule on the table discarded them" in failure for failure in report.failures)
    assert deployment.query("select count(*) from calls") == [(0,)]
