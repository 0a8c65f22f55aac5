"""Alerts: one message when something fails, none while it goes on, one a day later, one when it works again."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    AssetKey,
    AssetsDefinition,
    DagsterInstance,
    Definitions,
    RepositoryDefinition,
    SensorResult,
    SkipReason,
    asset,
    build_sensor_context,
    define_asset_job,
)
from typer.testing import CliRunner, Result

from coaching_assets.automation.alerting.deciding import State
from coaching_assets.automation.alerting.problems import Problem
from coaching_assets.automation.alerting.sending import Recipient, recipients
from coaching_assets.automation.alerting.sensor import tick
from coaching_assets.cli import app
from coaching_assets.settings import load_settings
from coaching_assets_tests.deployment import Deployment
from coaching_assets_tests.receiver import Receiver, receiving

HOUR = timedelta(hours=1)
SECRETS = ("sesame-open", "hidden-path", "somebody")


@pytest.fixture(scope="module")
def repository() -> RepositoryDefinition:
    from coaching_assets.definitions import defs

    return defs.get_repository_def()


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("ALERT_URLS", receiver.url)
        monkeypatch.setenv("DAGSTER_UI_URL", "https://dagster.example.com/")
        yield receiver


@pytest.fixture
def pager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("ALERT_PAGE_URLS", receiver.url)
        yield receiver


def coaching(command: str) -> Result:
    """What the command does, in this process: each of its own would import everything again."""
    return CliRunner().invoke(app, [command])


class Ticks:
    """The sensor's ticks, one after the other, each with the cursor that the one before left."""

    def __init__(self, instance: DagsterInstance, repository: RepositoryDefinition) -> None:
        self.instance = instance
        self.repository = repository
        self.now = datetime.now(UTC) + timedelta(minutes=1)
        self.cursor: str | None = None

    def tick(self, later: timedelta = timedelta()) -> str:
        """What the tick says of itself."""
        self.now += later
        result = tick(
            self.instance,
            self.repository,
            load_settings(),
            State.read(self.cursor),
            self.now,
            logging.getLogger("alerts"),
        )
        if isinstance(result, SkipReason):
            return result.skip_message or ""
        assert isinstance(result, SensorResult) and isinstance(result.skip_reason, SkipReason)
        self.cursor = result.cursor
        return result.skip_reason.skip_message or ""


@pytest.fixture
def ticks(instance: DagsterInstance, repository: RepositoryDefinition) -> Ticks:
    return Ticks(instance, repository)


def evaluated(
    instance: DagsterInstance,
    table: str,
    passed: bool,
    check: str = "loaded",
    severity: AssetCheckSeverity = AssetCheckSeverity.ERROR,
    description: str = "Access denied.\nSecond line.",
) -> None:
    instance.report_runless_asset_event(
        AssetCheckEvaluation(
            asset_key=AssetKey(table.split("/")),
            check_name=check,
            passed=passed,
            severity=severity,
            description=description,
        )
    )


def run(instance: DagsterInstance, repository: RepositoryDefinition, *assets: str, **tags: str) -> bool:
    """Runs `coaching_sync`, of some assets or of all; says whether it succeeded."""
    job = repository.get_job("coaching_sync")
    selection = [AssetKey(asset) for asset in assets] or None
    return job.execute_in_process(instance=instance, raise_on_error=False, asset_selection=selection, tags=tags).success


def test_a_check_that_fails_is_told_once_and_its_recovery_once(
    instance: DagsterInstance, receiver: Receiver, ticks: Ticks
) -> None:
    evaluated(instance, "gongio_ft/call", True)
    ticks.tick()
    assert receiver.take() == []

    evaluated(instance, "gongio_ft/call", False)
    ticks.tick()
    (message,) = receiver.take()
    assert message["title"] == "loaded fails: gongio_ft/call"
    assert message["type"] == "failure"
    lines = message["message"].splitlines()
    assert lines[0] == "gongio_ft/call: Access denied."
    assert lines[1].startswith("error, since 20") and lines[1].endswith("UTC")
    assert lines[2] == "https://dagster.example.com/assets/gongio_ft/call?view=checks&checkDetail=loaded"
    assert "coaching doctor" in lines[3]

    for _ in range(3):
        evaluated(instance, "gongio_ft/call", False, description="Another reason.")
        ticks.tick(HOUR)
    assert receiver.take() == []

    evaluated(instance, "gongio_ft/call", True)
    ticks.tick(HOUR)
    (message,) = receiver.take()
    assert message["title"] == "loaded fails no longer: gongio_ft/call"
    assert message["type"] == "success"
    assert "for 4 h" in message["message"]
    ticks.tick(HOUR)
    assert receiver.take() == []


def test_it_is_told_again_after_a_day(instance: DagsterInstance, receiver: Receiver, ticks: Ticks) -> None:
    evaluated(instance, "gongio_ft/call", False)
    ticks.tick()
    since = receiver.take()[0]["message"].splitlines()[1]
    ticks.tick(23 * HOUR)
    assert receiver.take() == []
    evaluated(instance, "gongio_ft/call", False)
    ticks.tick(HOUR)
    (message,) = receiver.take()
    assert message["title"] == "loaded still fails: gongio_ft/call"
    assert since in message["message"]
    ticks.tick(23 * HOUR)
    assert receiver.take() == []
    ticks.tick(HOUR)
    assert len(receiver.take()) == 1


def test_checks_of_one_name_are_one_message(instance: DagsterInstance, receiver: Receiver, ticks: Ticks) -> None:
    tables = [f"gongio_ft/{name}" for name in ("call", "call_speaker", "transcript", "users")]
    for table in tables:
        evaluated(instance, table, False)
    evaluated(instance, "gongio_ft/email", False, check="schema_matches", severity=AssetCheckSeverity.WARN)
    ticks.tick()
    assert sorted(receiver.titles) == [f"loaded fails: {', '.join(tables)}", "schema_matches fails: gongio_ft/email"]
    assert [message["type"] for message in receiver.take()] == ["failure", "warning"]

    for table in tables[:2]:
        evaluated(instance, table, True)
    evaluated(instance, "gongio_ft/opportunity", False)
    ticks.tick()
    assert receiver.titles == [
        "loaded fails: gongio_ft/opportunity",
        "loaded fails no longer: gongio_ft/call, gongio_ft/call_speaker",
    ]


def test_a_warning_that_becomes_an_error_is_told_again(
    instance: DagsterInstance, receiver: Receiver, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = {"check": "schema_matches", "severity": AssetCheckSeverity.WARN}
    evaluated(instance, "gongio_ft/call", False, **warning)
    ticks.tick()
    evaluated(instance, "gongio_ft/call", False, check="schema_matches")
    ticks.tick()
    assert [message["type"] for message in receiver.take()] == ["warning", "failure"]

    monkeypatch.setenv("ALERT_LEVEL", "error")
    evaluated(instance, "gongio_ft/users", False, **warning)
    ticks.tick()
    assert receiver.take() == []


def test_a_message_that_was_refused_is_sent_at_the_next_tick(
    instance: DagsterInstance,
    receiver: Receiver,
    ticks: Ticks,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiving() as other:
        monkeypatch.setenv("ALERT_URLS", f"{receiver.url},{other.url.replace('127.0.0.1', 'localhost')}")
        receiver.refuses = True
        evaluated(instance, "gongio_ft/call", False)
        evaluated(instance, "gongio_ft/call", False, check="schema_matches")
        assert ticks.tick() == "2 problems, 2 messages sent, 2 to be tried again."
        assert receiver.asked == 1, "one that refuses is not asked for every message"
        assert len(other.take()) == 2, "the other one is told all the same"
        assert "ALERT_URLS entry 1 (json://127.0.0.1) was not told that loaded fails: gongio_ft/call" in caplog.text
        assert not any(secret in caplog.text for secret in SECRETS)

        receiver.refuses = False
        ticks.tick(HOUR)
        assert receiver.titles == ["loaded fails: gongio_ft/call", "schema_matches fails: gongio_ft/call"]
        assert other.take() == [], "who was told is not told twice"


def test_what_nobody_could_be_told_of_and_is_over_is_not_told(
    instance: DagsterInstance, receiver: Receiver, ticks: Ticks
) -> None:
    receiver.refuses = True
    evaluated(instance, "gongio_ft/call", False)
    ticks.tick()
    receiver.refuses = False
    evaluated(instance, "gongio_ft/call", True)
    ticks.tick()
    assert receiver.take() == []


def test_failed_syncs_are_told_once_and_three_in_a_row_page_once(
    deployment: Deployment,
    repository: RepositoryDefinition,
    instance: DagsterInstance,
    receiver: Receiver,
    pager: Receiver,
    ticks: Ticks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALERT_LEVEL", "error")  # the source is empty, of which there are warnings
    with pytest.MonkeyPatch.context() as away:
        away.setenv("DATABASE_URL", "postgresql://nobody:sesame-open@127.0.0.1:1/nothing")
        for number in range(1, 5):
            assert not run(instance, repository)
            ticks.tick(HOUR)
            assert len(pager.messages) == (1 if number >= 3 else 0)
    (message,) = receiver.take()
    assert message["title"] == "coaching_sync failed"
    assert "DATABASE_URL: 127.0.0.1:1 cannot be reached" in message["message"]
    assert "https://dagster.example.com/runs/" in message["message"]
    assert "sesame-open" not in message["message"]
    assert pager.take()[0]["title"] == "coaching_sync failed 3 times in a row"

    assert run(instance, repository)
    ticks.tick()
    assert receiver.titles == ["coaching_sync works again"]
    assert pager.titles == ["coaching_sync works again"]
    ticks.tick(25 * HOUR)
    assert len(receiver.messages) == len(pager.messages) == 1


def test_a_run_that_will_be_retried_is_no_failure_yet(
    repository: RepositoryDefinition,
    instance: DagsterInstance,
    receiver: Receiver,
    ticks: Ticks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/nothing")
    assert not run(instance, repository, **{"dagster/will_retry": "true"})
    ticks.tick()
    assert receiver.take() == []
    assert not run(instance, repository)
    ticks.tick()
    assert receiver.titles == ["coaching_sync failed"]


def test_a_run_of_other_assets_is_no_recovery(instance: DagsterInstance, receiver: Receiver) -> None:
    broken = {"accounts"}

    def table(name: str) -> AssetsDefinition:
        @asset(name=name)
        def load() -> None:
            if name in broken:
                raise ValueError(f"{name} cannot be read\nand so on")

        return load

    tables = [table(name) for name in ("calls", "accounts", "deals")]
    repository = Definitions(tables, jobs=[define_asset_job("coaching_sync")]).get_repository_def()
    ticks = Ticks(instance, repository)

    assert not run(instance, repository)
    ticks.tick()
    (message,) = receiver.take()
    assert message["message"].splitlines()[0] == "accounts: ValueError: accounts cannot be read"

    assert run(instance, repository, "calls")
    ticks.tick()
    assert not run(instance, repository, "accounts")
    ticks.tick()
    broken.clear()
    assert run(instance, repository, "accounts")
    ticks.tick()
    assert receiver.take() == [], "the deals have not been loaded since"

    assert run(instance, repository, "deals", "calls")
    ticks.tick()
    assert receiver.titles == ["coaching_sync works again"]


def test_the_sensor_sends_and_keeps_its_cursor(
    instance: DagsterInstance, repository: RepositoryDefinition, receiver: Receiver
) -> None:
    evaluated(instance, "gongio_ft/call", False)
    sensor = repository.get_sensor_def("alerts")
    cursor: str | None = "not what a tick writes"
    for _ in range(3):
        with build_sensor_context(instance=instance, repository_def=repository, cursor=cursor) as context:
            data = sensor.evaluate_tick(context)
        cursor = data.cursor
        assert not data.run_requests
    assert receiver.titles == ["loaded fails: gongio_ft/call"]
    assert cursor and not any(secret in cursor for secret in SECRETS)


def test_without_anybody_to_tell_the_sensor_says_so(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALERT_URLS", raising=False)
    assert ticks.tick().startswith("ALERT_URLS is not set")


def test_an_entry_that_is_no_url_is_named_by_its_place(
    instance: DagsterInstance, receiver: Receiver, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_URLS", f"{receiver.url},slack-token-of-mine")
    sentence = "ALERT_URLS: entry 2 is no URL that apprise knows."
    evaluated(instance, "gongio_ft/call", False)
    assert sentence in ticks.tick()
    assert len(receiver.take()) == 1, "the others are told all the same"

    for command in ("alert-test", "doctor"):
        result = coaching(command)
        assert result.exit_code == 1
        assert sentence in result.stdout
        assert "slack-token-of-mine" not in result.stdout + result.stderr
    assert "slack-token-of-mine" not in repr(load_settings())


def test_alert_test_says_who_accepted_it(receiver: Receiver, pager: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    result = coaching("alert-test")
    assert result.exit_code == 0, result.stdout + result.stderr
    assert result.stdout.splitlines() == [
        "ALERT_URLS entry 1 (json://127.0.0.1): accepted",
        "ALERT_PAGE_URLS entry 1 (json://127.0.0.1): accepted",
    ]
    assert len(receiver.messages) == len(pager.messages) == 1

    pager.refuses = True
    result = coaching("alert-test")
    assert result.exit_code == 1
    assert "ALERT_PAGE_URLS entry 1 (json://127.0.0.1): " in result.stdout
    assert "503" in result.stdout
    assert not any(secret in result.stdout + result.stderr for secret in SECRETS)

    monkeypatch.delenv("ALERT_URLS")
    monkeypatch.delenv("ALERT_PAGE_URLS")
    result = coaching("alert-test")
    assert result.exit_code == 1
    assert result.stderr.startswith("ALERT_URLS is not set.")


def test_of_a_url_only_scheme_and_true_host_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the URL that stands in the reason for a refusal keeps the reason from being shown."""
    monkeypatch.setenv("ALERT_URLS", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ, json://127.0.0.1:1/sending")
    monkeypatch.setenv("ALERT_PAGE_URLS", "json://127.0.0.1:1/hidden-path")
    slack, revealing, paging = (recipient for recipient in recipients(load_settings()))
    assert str(slack) == "ALERT_URLS entry 1 (slack://)"
    assert str(revealing) == "ALERT_URLS entry 2 (json://127.0.0.1)"
    assert isinstance(revealing, Recipient) and isinstance(paging, Recipient)
    assert revealing.send("title", "body", "info") == "It was not accepted."
    assert "error occurred sending" in (paging.send("title", "body", "info") or "")


def test_since_is_when_it_was_first_seen() -> None:
    state, first = State(), datetime(2026, 1, 1, tzinfo=UTC)
    problem = Problem("check", "loaded", "gongio_ft/call", "error", first)
    state.observe([problem])
    (later,) = State.read(state.write()).observe([replace(problem, since=first + HOUR)])
    assert later.since == first
