"""Decides which messages a recipient gets, from the current problems and from those sent before.

Pure functions: the time is an argument, and nothing is sent here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from coaching_assets.alerts.problem import Kind, Level, Problem, check_path

Change = Literal["fails", "still fails", "recovered"]
RANK: Mapping[Level, int] = {"warning": 0, "error": 1}


@dataclass(frozen=True)
class Sent:
    """The last message to a recipient about one subject. `since`: start of the failure; `time`: of the message."""

    since: datetime
    time: datetime
    level: Level


@dataclass(frozen=True)
class Message:
    """Problems of one check or job that changed in the same way at the same time."""

    change: Change
    problems: tuple[Problem, ...]

    @property
    def name(self) -> str:
        """The check or the job."""
        return self.problems[0].name

    @property
    def kind(self) -> Kind:
        """The kind that all its problems share."""
        return self.problems[0].kind

    @property
    def level(self) -> Level:
        """The highest level of its problems."""
        return max((problem.level for problem in self.problems), key=lambda level: RANK[level])

    def record(self, sent: dict[str, Sent], now: datetime) -> None:
        """Record in a recipient's `sent` that the message was accepted."""
        for problem in self.problems:
            if self.change == "recovered":
                sent.pop(problem.subject, None)
            else:
                sent[problem.subject] = Sent(problem.since, now, problem.level)


@dataclass
class State:
    """State between ticks: the start of each failure by subject, and `Sent` by recipient and subject."""

    since: dict[str, datetime] = field(default_factory=dict)
    sent: dict[str, dict[str, Sent]] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> "State":
        """Parse a sensor cursor; an empty or unreadable one gives an empty state."""
        try:
            content: dict[str, Any] = json.loads(cursor or "{}")
            # "told" is the name in cursors of version 0.1
            recipients = content.get("sent", content.get("told", {}))
            return cls(
                {subject: datetime.fromisoformat(time) for subject, time in content.get("since", {}).items()},
                {
                    recipient: {subject: _parse(entry) for subject, entry in entries.items()}
                    for recipient, entries in recipients.items()
                },
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def write(self) -> str:
        """Format the cursor for the next tick."""
        sent = {
            recipient: {subject: _format(one) for subject, one in entries.items()}
            for recipient, entries in self.sent.items()
            if entries
        }
        return json.dumps({"since": {s: t.isoformat() for s, t in self.since.items()}, "sent": sent})

    def observe(self, problems: Iterable[Problem]) -> list[Problem]:
        """Give each problem the time at which it was first seen, and forget those that are gone."""
        seen = [
            replace(problem, since=min(problem.since, self.since.get(problem.subject, problem.since)))
            for problem in problems
        ]
        self.since = {problem.subject: problem.since for problem in seen}
        return seen


def decide(
    problems: Sequence[Problem],
    sent: Mapping[str, Sent],
    now: datetime,
    *,
    least: Level = "warning",
    repeat_after: timedelta | None = None,
) -> list[Message]:
    """Decide which messages one recipient gets.

    Args:
        problems: the current problems.
        sent: the recipient's open failures, by subject.
        now: the current time.
        least: problems below this level are ignored.
        repeat_after: how long after a message to repeat it if the problem persists; None: never.
    """
    failing = [problem for problem in problems if RANK[problem.level] >= RANK[least]]
    new = [p for p in failing if p.subject not in sent or RANK[p.level] > RANK[sent[p.subject].level]]
    again = [
        p for p in failing if p not in new and repeat_after is not None and now - sent[p.subject].time >= repeat_after
    ]
    over = {subject: sent[subject] for subject in sent if subject not in {p.subject for p in failing}}
    recovered = [_recovered(subject, entry) for subject, entry in over.items()]
    return [*_grouped("fails", new), *_grouped("still fails", again), *_grouped("recovered", recovered)]


def _grouped(change: Change, problems: Iterable[Problem]) -> Iterator[Message]:
    groups: dict[tuple[Kind, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.kind, problem.name), []).append(problem)
    for group in groups.values():
        yield Message(change, tuple(group))


def _recovered(subject: str, sent: Sent) -> Problem:
    kind, name, table = subject.split(":", 2)
    path = check_path(name, table) if kind == "check" else "/runs"
    return Problem(kind, name, table, sent.level, sent.since, path=path)  # type: ignore[arg-type]


def _parse(entry: Mapping[str, str]) -> Sent:
    level: Level = "error" if entry["level"] == "error" else "warning"
    return Sent(datetime.fromisoformat(entry["since"]), datetime.fromisoformat(entry["sent"]), level)


def _format(sent: Sent) -> dict[str, str]:
    return {"since": sent.since.isoformat(), "sent": sent.time.isoformat(), "level": sent.level}
