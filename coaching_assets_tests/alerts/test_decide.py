"""The messages that follow from the current problems and from those sent before."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from coaching_assets.alerts.decide import Message, Sent, State, decide
from coaching_assets.alerts.problem import Kind, Level, Problem

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def problem(table: str = "calls", name: str = "loaded", level: Level = "error", kind: Kind = "check") -> Problem:
    return Problem(kind, name, table, level, NOON)


def sent(level: Level = "error", ago: timedelta = HOUR) -> Sent:
    return Sent(NOON - DAY, NOON - ago, level)


CALLS = problem().subject


@dataclass
class Case:
    problems: list[Problem]
    sent: dict[str, Sent] = field(default_factory=dict)
    least: Level = "warning"
    repeat_after: timedelta | None = None
    expected: list[tuple[str, list[str]]] = field(default_factory=list)
    """Each message's change and its tables."""


CASES = {
    "no problem": Case([]),
    "a new problem": Case([problem()], expected=[("fails", ["calls"])]),
    "a problem that was sent": Case([problem()], {CALLS: sent()}),
    "a warning that becomes an error": Case([problem()], {CALLS: sent("warning")}, expected=[("fails", ["calls"])]),
    "an error that becomes a warning": Case([problem(level="warning")], {CALLS: sent()}),
    "a problem that is over": Case([], {CALLS: sent()}, expected=[("recovered", ["calls"])]),
    "a warning, for a recipient of errors": Case([problem(level="warning")], least="error"),
    "an error that becomes a warning, for a recipient of errors": Case(
        [problem(level="warning")], {CALLS: sent()}, least="error", expected=[("recovered", ["calls"])]
    ),
    "a repetition before its time": Case([problem()], {CALLS: sent(ago=DAY - HOUR)}, repeat_after=DAY),
    "a repetition at its time": Case(
        [problem()], {CALLS: sent(ago=DAY)}, repeat_after=DAY, expected=[("still fails", ["calls"])]
    ),
    "no repetition": Case([problem()], {CALLS: sent(ago=9 * DAY)}),
    "a repetition that is more severe too": Case(
        [problem()], {CALLS: sent("warning", ago=DAY)}, repeat_after=DAY, expected=[("fails", ["calls"])]
    ),
    "one check of two tables": Case([problem(), problem("emails")], expected=[("fails", ["calls", "emails"])]),
    "two checks of one table": Case(
        [problem(), problem(name="keys_unique")], expected=[("fails", ["calls"]), ("fails", ["calls"])]
    ),
    "a check and a job of one name": Case(
        [problem(name="x"), problem("", name="x", kind="job")], expected=[("fails", ["calls"]), ("fails", [""])]
    ),
    "one fails and another recovers": Case(
        [problem("emails")], {CALLS: sent()}, expected=[("fails", ["emails"]), ("recovered", ["calls"])]
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_messages(case: str) -> None:
    given = CASES[case]
    found = decide(given.problems, given.sent, NOON, least=given.least, repeat_after=given.repeat_after)
    assert [(message.change, [p.table for p in message.problems]) for message in found] == given.expected


def test_a_message_has_the_highest_level_of_its_problems() -> None:
    assert Message("fails", (problem(level="warning"), problem("emails"))).level == "error"


def test_a_recovery_keeps_level_and_start_and_links_to_its_page() -> None:
    page = "page:coaching_sync:"
    check, job = decide([], {CALLS: sent("warning"), page: sent()}, NOON)
    assert (check.problems[0].level, check.problems[0].since) == ("warning", NOON - DAY)
    assert check.problems[0].path == "/assets/calls?view=checks&checkDetail=loaded"
    assert (job.kind, job.name, job.problems[0].path) == ("page", "coaching_sync", "/runs")


def test_what_was_accepted_is_recorded_until_it_recovers() -> None:
    open_failures: dict[str, Sent] = {}
    Message("fails", (problem(), problem("emails"))).record(open_failures, NOON + HOUR)
    assert open_failures == {p.subject: Sent(NOON, NOON + HOUR, "error") for p in (problem(), problem("emails"))}
    Message("recovered", (problem(),)).record(open_failures, NOON + DAY)
    assert list(open_failures) == [problem("emails").subject]


def test_a_problem_keeps_its_start_until_it_is_gone() -> None:
    state = State()
    assert state.observe([problem()])[0].since == NOON
    later = Problem("check", "loaded", "calls", "error", NOON + HOUR)
    assert state.observe([later])[0].since == NOON
    state.observe([])
    assert state.observe([later])[0].since == NOON + HOUR


def test_a_state_survives_its_cursor() -> None:
    state = State({CALLS: NOON}, {"somebody": {CALLS: sent()}})
    assert State.read(state.write()) == state
    assert State.read(State({}, {"nobody": {}}).write()) == State()


@pytest.mark.parametrize("cursor", [None, "", "not JSON", "[]", '{"since": 1}', '{"sent": {"a": {"b": {}}}}'])
def test_an_unreadable_cursor_is_an_empty_state(cursor: str | None) -> None:
    assert State.read(cursor) == State()
