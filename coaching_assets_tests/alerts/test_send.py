"""The recipients of a message, the secrets of their URLs, and the errors for wrong entries."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from dagster import (
    DagsterInstance,
    RepositoryDefinition,
    build_sensor_context,
)
from typer.testing import CliRunner, Result

from coaching_assets.alerts.decide import State
from coaching_assets.alerts.problem import Problem
from coaching_assets.alerts.send import Recipient, recipients
from coaching_assets.cli.app import app
from coaching_assets.defs.resources import SettingsResource
from coaching_assets.settings import load_settings
from coaching_assets_tests.alerts.ticks import Ticks, evaluated
from coaching_assets_tests.support.receiver import SECRETS, Receiver

HOUR = timedelta(hours=1)


def coaching(command: str) -> Result:
    """Run the command in this process, which has imported everything already."""
    return CliRunner().invoke(app, [command])


def test_the_sensor_sends_and_keeps_its_cursor(
    instance: DagsterInstance, repository: RepositoryDefinition, receiver: Receiver
) -> None:
    evaluated(instance, "gongio_ft/call", False)
    sensor = repository.get_sensor_def("alerts")
    cursor: str | None = "not what a tick writes"
    for _ in range(3):
        with build_sensor_context(
            instance=instance, repository_def=repository, cursor=cursor, resources={"settings": SettingsResource()}
        ) as context:
            data = sensor.evaluate_tick(context)
        cursor = data.cursor
        assert not data.run_requests
    assert receiver.titles == ["loaded fails: gongio_ft/call"]
    assert cursor and not any(secret in cursor for secret in SECRETS)


def test_without_recipients_the_sensor_skips_with_a_reason(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALERT_URLS", raising=False)
    assert ticks.tick().startswith("ALERT_URLS is not set")


def test_an_entry_that_is_not_a_url_is_named_by_its_position(
    instance: DagsterInstance, receiver: Receiver, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_URLS", f"{receiver.url},slack-token-of-mine")
    sentence = "ALERT_URLS: entry 2 is not a URL that apprise knows."
    evaluated(instance, "gongio_ft/call", False)
    assert sentence in ticks.tick()
    assert len(receiver.take()) == 1, "the other recipients get the message"

    for command in ("alert-test", "doctor"):
        result = coaching(command)
        assert result.exit_code == 1
        assert sentence in result.stdout
        assert "slack-token-of-mine" not in result.stdout + result.stderr
    assert "slack-token-of-mine" not in repr(load_settings())


def test_alert_test_reports_who_accepted(receiver: Receiver, pager: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_only_scheme_and_host_of_a_url_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason that contains part of the URL is not shown."""
    monkeypatch.setenv("ALERT_URLS", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ, json://127.0.0.1:1/sending")
    monkeypatch.setenv("ALERT_PAGE_URLS", "json://127.0.0.1:1/hidden-path")
    slack, revealing, paging = (recipient for recipient in recipients(load_settings()))
    assert str(slack) == "ALERT_URLS entry 1 (slack://)"
    assert str(revealing) == "ALERT_URLS entry 2 (json://127.0.0.1)"
    assert isinstance(revealing, Recipient) and isinstance(paging, Recipient)
    assert revealing.send("title", "body", "info") == "The service did not accept the message."
    assert "error occurred sending" in (paging.send("title", "body", "info") or "")


def test_since_is_the_time_of_the_first_failure() -> None:
    state, first = State(), datetime(2026, 1, 1, tzinfo=UTC)
    problem = Problem("check", "loaded", "gongio_ft/call", "error", first)
    state.observe([problem])
    (later,) = State.read(state.write()).observe([replace(problem, since=first + HOUR)])
    assert later.since == first


def test_a_cursor_of_version_0_1_still_counts() -> None:
    entry = {"since": "2026-01-01T00:00:00+00:00", "sent": "2026-01-01T00:01:00+00:00", "level": "error"}
    state = State.read(json.dumps({"since": {}, "told": {"ALERT_URLS slack:// 1": {"job:coaching_sync:": entry}}}))
    assert list(state.sent["ALERT_URLS slack:// 1"]) == ["job:coaching_sync:"]
    assert State.read(state.write()) == state
