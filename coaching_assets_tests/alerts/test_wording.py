"""The text of alerts."""

from datetime import UTC, datetime, timedelta

import pytest

from coaching_assets.alerts.decide import Change, Message
from coaching_assets.alerts.problem import Kind, Problem
from coaching_assets.alerts.wording import body, title

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
UI = "https://dagster.example.com/"


def message(change: Change, kind: Kind, name: str, *tables: str) -> Message:
    return Message(
        change, tuple(Problem(kind, name, table, "error", NOON, f"{table} is odd.", f"/{table}") for table in tables)
    )


TITLES = [
    (message("fails", "check", "loaded", "calls"), "loaded fails: calls"),
    (message("fails", "check", "loaded", "calls", "emails"), "loaded fails: calls, emails"),
    (message("fails", "check", "loaded", *"abcdefgh"), "loaded fails: a, b, c, d, e, f and 2 more"),
    (message("still fails", "check", "loaded", "calls"), "loaded still fails: calls"),
    (message("recovered", "check", "loaded", "calls"), "loaded passes again: calls"),
    (message("fails", "job", "coaching_sync", ""), "coaching_sync failed"),
    (message("still fails", "job", "coaching_sync", ""), "coaching_sync still fails"),
    (message("recovered", "job", "coaching_sync", ""), "coaching_sync works again"),
    (message("fails", "page", "coaching_sync", ""), "coaching_sync failed 3 times in a row"),
    (message("still fails", "page", "coaching_sync", ""), "coaching_sync still fails"),
    (message("recovered", "page", "coaching_sync", ""), "coaching_sync works again"),
    (message("fails", "job", "__ASSET_JOB", ""), "A run of selected assets failed"),
]


@pytest.mark.parametrize(("one", "expected"), TITLES, ids=[expected for _, expected in TITLES])
def test_a_title(one: Message, expected: str) -> None:
    assert title(one) == expected


def test_a_body_names_reason_level_start_page_and_remedy() -> None:
    assert body(message("fails", "check", "source_is_fresh", "calls"), NOON, UI).splitlines() == [
        "calls: calls is odd.",
        "error, since 2026-03-02 12:00 UTC",
        "https://dagster.example.com/calls",
        "What to do: Fivetran has delivered no new rows. Check the connector's last sync in Fivetran's dashboard;"
        " the problem cannot be fixed here.",
    ]


def test_a_recovery_names_the_duration_and_no_remedy() -> None:
    text = body(message("recovered", "job", "coaching_sync", ""), NOON + timedelta(hours=2), None)
    assert text == "failed for 2 hours, since 2026-03-02 12:00 UTC."


def test_a_long_list_is_cut() -> None:
    text = body(message("fails", "check", "loaded", *"abcdefgh"), NOON, None)
    assert "f is odd." in text
    assert "g is odd." not in text
    assert "And 2 more." in text


@pytest.mark.parametrize(("kind", "where"), [("check", "Open the check"), ("job", "Open the run")])
def test_an_unknown_name_has_a_general_remedy(kind: Kind, where: str) -> None:
    assert f"What to do: {where}" in body(message("fails", kind, "unheard of", "calls"), NOON, None)
