"""A wrong setting fails runs with a sentence, not the code location; a test replaces any resource."""

from collections.abc import Iterator

import pytest
from dagster import DagsterInstance, JobDefinition, SensorResult, SkipReason, build_sensor_context

from coaching_assets.definitions import build_definitions
from coaching_assets.defs.jobs import SYNC_JOB
from coaching_assets.defs.resources import BigQueryResource, PostgresResource, SettingsResource, default_resources
from coaching_assets.demo.sample import Sample
from coaching_assets.settings import usable_settings
from coaching_assets_tests.support.deployment import Deployment

WRONG = {
    "GONG_DATASET": "gong calls",
    "PUBLISH_WORKERS": "many",
    "SENSOR_INTERVAL_SECONDS": "0",
    "FRESHNESS_OBJECTIVES": "transcripts",
    "SCHEDULE_TIMEZONE": "Mars/Olympus",
    "RECONCILE_CRON": "every day",
}


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def failures(job: JobDefinition, instance: DagsterInstance) -> set[str]:
    """The sentences with which the steps of a run fail."""
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    return {
        event.step_failure_data.user_failure_data.description or ""
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.user_failure_data
    }


@pytest.mark.parametrize(
    "setting", [*[*WRONG][:1], *(pytest.param(setting, marks=pytest.mark.slow) for setting in [*WRONG][1:])]
)
def test_a_wrong_setting_fails_the_run_with_a_sentence(
    setting: str, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(setting, WRONG[setting])
    definitions = build_definitions(usable_settings()[0])
    definitions.get_repository_def()  # raises where a definition cannot be built
    sentences = failures(definitions.resolve_job_def(SYNC_JOB), instance)
    assert sentences
    assert all(sentence.startswith("Wrong settings: ") and setting in sentence for sentence in sentences), sentences


@pytest.mark.parametrize("sensor", ["bigquery_changes", "freshness"])
def test_a_wrong_setting_is_the_reason_why_a_sensor_skips(sensor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLISH_WORKERS", "many")
    definition = build_definitions(usable_settings()[0]).resolve_sensor_def(sensor)
    with (
        DagsterInstance.ephemeral() as instance,
        build_sensor_context(instance=instance, resources=default_resources()) as context,
    ):
        skipped = definition(context)
    assert isinstance(skipped, SkipReason) and not isinstance(skipped, SensorResult)
    assert "PUBLISH_WORKERS" in (skipped.skip_message or "")


@pytest.mark.slow
def test_replaced_resources_take_the_place_of_the_environment(
    synced: Deployment, tenth: Sample, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = synced.settings
    assert environment.database_url is not None
    for name in ("DATABASE_URL", "BIGQUERY_PROJECT", "BIGQUERY_EMULATOR_HOST", "BIGQUERY_STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name)
    settings = SettingsResource(
        overrides={
            "database_url": environment.database_url.get_secret_value(),
            "bigquery_project": environment.bigquery_project,
            "bigquery_emulator_host": environment.bigquery_emulator_host,
            "bigquery_storage_emulator_host": environment.bigquery_storage_emulator_host,
            "company_domains": list(environment.company_domains),
        }
    )
    definitions = build_definitions(
        usable_settings()[0],
        {
            "settings": settings,
            "bigquery": BigQueryResource(settings=settings),
            "postgres": PostgresResource(settings=settings),
        },
    )
    before = synced.query("select count(*) from calls")
    assert definitions.resolve_job_def(SYNC_JOB).execute_in_process(instance=instance).success
    assert synced.query("select count(*) from calls") == before
