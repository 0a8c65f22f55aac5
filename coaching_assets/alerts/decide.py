"""Whom to tell what, given what fails now and what each was told before: pure, and the time is an argument."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from coaching_assets.alerts.problem import Kind, Level, Problem, check_path

Change = Literal["fails", "still fails", "recovered"]
RANK: Mapping[Level, int] = {"warning": 0, "error": 1}


@dataclass(frozen=True)
class Told:
    """What somebody was told last of something that fails."""

    since: datetime
    sent: datetime
    level: Level


@dataclass(frozen=True)
class Message:
    """Things of one name that changed in the same way at the same time."""

    change: Change
    problems: tuple[Problem, ...]

    @property
    def name(self) -> str:
        """The check's or the job's."""
        return self.problems[0].name

    @property
    def kind(self) -> Kind:
        """What it is about."""
        return self.problems[0].kind

    @property
    def level(self) -> Level:
        """The worst of them."""
        return max((problem.level for problem in self.problems), key=lambda level: RANK[level])

    def note(self, told: dict[str, Told], now: datetime) -> None:
        """Write down that it was sent."""
        for problem in self.problems:
            if self.change == "recovered":
                told.pop(problem.subject, None)
            else:
                told[problem.subject] = Told(problem.since, now, problem.level)


@dataclass
class State:
    """What is known from one tick to the next: since when things fail, and what each recipient was told of them."""

    since: dict[str, datetime] = field(default_factory=dict)
    told: dict[str, dict[str, Told]] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> "State":
        """The state that a cursor holds; of a cursor that was reset or cannot be read, an empty one."""
        try:
            content: dict[str, Any] = json.loads(cursor or "{}")
            return cls(
                {subject: datetime.fromisoformat(time) for subject, time in content.get("since", {}).items()},
                {
                    recipient: {subject: _told(entry) for subject, entry in entries.items()}
                    for recipient, entries in content.get("told", {}).items()
                },
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def write(self) -> str:
        """The cursor for the next tick."""
        told = {
            recipient: {subject: _entry(one) for subject, one in entries.items()}
            for recipient, entries in self.told.items()
            if entries
        }
        return json.dumps({"since": {s: t.isoformat() for s, t in self.since.items()}, "told": told})

    def observe(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems, each since it was first seen; what is seen no longer is forgotten."""
        seen = [
            replace(problem, since=min(problem.since, self.since.get(problem.subject, problem.since)))
            for problem in problems
        ]
        self.since = {problem.subject: problem.since for problem in seen}
        return seen


def decide(
    problems: Sequence[Problem],
    told: Mapping[str, Told],
    now: datetime,
    *,
    least: Level = "warning",
    repeat_after: timedelta | None = None,
) -> list[Message]:
    """The messages that one recipient gets.

    Args:
        problems: what fails.
        told: what the recipient was told before and has not been told to be over.
        now: the time.
        least: problems below this level are none.
        repeat_after: after how long they are told again of what still fails; never, where it is None.
    """
    failing = [problem for problem in problems if RANK[problem.level] >= RANK[least]]
    new = [p for p in failing if p.subject not in told or RANK[p.level] > RANK[told[p.subject].level]]
    again = [
        p for p in failing if p not in new and repeat_after is not None and now - told[p.subject].sent >= repeat_after
    ]
    over = {subject: told[subject] for subject in told if subject not in {p.subject for p in failing}}
    recovered = [_recovered(subject, entry) for subject, entry in over.items()]
    return [*_grouped("fails", new), *_grouped("still fails", again), *_grouped("recovered", recovered)]


def _grouped(change: Change, problems: Iterable[Problem]) -> Iterator[Message]:
    groups: dict[tuple[Kind, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.kind, problem.name), []).append(problem)
    for group in groups.values():
        yield Message(change, tuple(group))


def _recovered(subject: str, told: Told) -> Problem:
    kind, name, table = subject.split(":", 2)
    path = check_path(name, table) if kind == "check" else "/runs"
    return Problem(kind, name, table, told.level, told.since, path=path)  # type: ignore[arg-type]


def _told(entry: Mapping[str, str]) -> Told:
    level: Level = "error" if entry["level"] == "error" else "warning"
    return Told(datetime.fromisoformat(entry["since"]), datetime.fromisoformat(entry["sent"]), level)


def _entry(told: Told) -> dict[str, str]:
    return {"since": told.since.isoformat(), "sent": told.sent.isoformat(), "level": told.level}
