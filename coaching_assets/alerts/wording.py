"""The text of an alert: problem, table, start, first line of the error, link and remedy."""

from collections.abc import Iterator
from datetime import datetime

from coaching_assets.alerts.decide import Change, Message
from coaching_assets.alerts.problem import FAILURES_THAT_PAGE, Kind, Problem
from coaching_assets.alerts.remedies import remedy_for
from coaching_assets.durations import readable_age

TABLES_NAMED = 6
"""The most tables that a title and a body list."""

PHRASES: dict[tuple[Kind, Change], str] = {
    ("check", "fails"): "{name} fails",
    ("check", "still fails"): "{name} still fails",
    ("check", "recovered"): "{name} passes again",
    ("job", "fails"): "{name} failed",
    ("job", "still fails"): "{name} still fails",
    ("job", "recovered"): "{name} works again",
    ("page", "fails"): "{name} failed {times} times in a row",
    ("page", "still fails"): "{name} still fails",
    ("page", "recovered"): "{name} works again",
}
ASSET_JOB = "__ASSET_JOB"
"""Dagster's name for a run of selected assets."""


def title(message: Message) -> str:
    """Format one line: the problem and its tables."""
    name = "A run of selected assets" if message.name == ASSET_JOB else message.name
    phrase = PHRASES[message.kind, message.change].format(name=name, times=FAILURES_THAT_PAGE)
    tables = [problem.table for problem in message.problems if problem.table]
    named = ", ".join(tables[:TABLES_NAMED])
    more = f" and {len(tables) - TABLES_NAMED} more" if len(tables) > TABLES_NAMED else ""
    return f"{phrase}: {named}{more}" if named else phrase


def body(message: Message, now: datetime, ui_url: str | None) -> str:
    """Format a paragraph per table, then the remedy."""
    lines = [line for problem in message.problems[:TABLES_NAMED] for line in _about(message, problem, now, ui_url)]
    if len(message.problems) > TABLES_NAMED:
        lines.append(f"And {len(message.problems) - TABLES_NAMED} more.")
    if message.change != "recovered":
        lines.append(f"What to do: {remedy_for(message.kind, message.name)}")
    return "\n".join(lines)


def _about(message: Message, problem: Problem, now: datetime, ui_url: str | None) -> Iterator[str]:
    table = f"{problem.table}: " if problem.table else ""
    since = f"{problem.since:%Y-%m-%d %H:%M} UTC"
    if message.change == "recovered":
        yield f"{table}failed for {readable_age(now - problem.since)}, since {since}."
    else:
        yield f"{table}{problem.reason}"
        yield f"{problem.level}, since {since}"
    if ui_url:
        yield f"{ui_url.rstrip('/')}{problem.path}"
