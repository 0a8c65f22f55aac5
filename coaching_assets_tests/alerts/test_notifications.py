"""One message when a check or job fails, one per day while it lasts, and one when it works again."""

from datetime import timedelta

import pytest
from dagster import (
    AssetCheckSeverity,
    AssetsDefinition,
    DagsterInstance,
    Definitions,
    RepositoryDefinition,
    asset,
    define_asset_job,
)

from coaching_assets_tests.alerts.ticks import Ticks, evaluated, run
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.receiver import SECRETS, Receiver, receiving

HOUR = timedelta(hours=1)


def test_a_failing_check_sends_one_message_and_its_recovery_another(
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
    assert message["title"] == "loaded passes again: gongio_ft/call"
    assert message["type"] == "success"
    assert "for 4 hours" in message["message"]
    ticks.tick(HOUR)
    assert receiver.take() == []


def test_a_failure_is_sent_again_after_a_day(instance: DagsterInstance, receiver: Receiver, ticks: Ticks) -> None:
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


def test_checks_of_one_name_share_a_message(instance: DagsterInstance, receiver: Receiver, ticks: Ticks) -> None:
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
        "loaded passes again: gongio_ft/call, gongio_ft/call_speaker",
    ]


def test_a_warning_that_becomes_an_error_is_sent_again(
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


def test_a_rejected_message_is_sent_again_at_the_next_tick(
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
        assert ticks.tick() == "2 problems, 2 messages sent, 2 to send again."
        assert receiver.asked == 1, "a recipient that rejects a message gets no further one in this tick"
        assert len(other.take()) == 2, "the other recipient gets both"
        assert "ALERT_URLS entry 1 (json://127.0.0.1) did not get 'loaded fails: gongio_ft/call'" in caplog.text
        assert not any(secret in caplog.text for secret in SECRETS)

        receiver.refuses = False
        ticks.tick(HOUR)
        assert receiver.titles == ["loaded fails: gongio_ft/call", "schema_matches fails: gongio_ft/call"]
        assert other.take() == [], "nobody gets a message twice"


def test_a_failure_that_ended_before_it_could_be_sent_is_not_sent(
    instance: DagsterInstance, receiver: Receiver, ticks: Ticks
) -> None:
    receiver.refuses = True
    evaluated(instance, "gongio_ft/call", False)
    ticks.tick()
    receiver.refuses = False
    evaluated(instance, "gongio_ft/call", True)
    ticks.tick()
    assert receiver.take() == []


def test_failed_syncs_send_one_message_and_three_in_a_row_page_once(
    deployment: Deployment,
    repository: RepositoryDefinition,
    instance: DagsterInstance,
    receiver: Receiver,
    pager: Receiver,
    ticks: Ticks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALERT_LEVEL", "error")  # the empty source causes warnings
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


def test_a_run_that_dagster_will_retry_is_not_a_failure(
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


def test_a_run_of_other_assets_is_not_a_recovery(instance: DagsterInstance, receiver: Receiver) -> None:
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
