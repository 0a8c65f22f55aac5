"""A problem that somebody may be alerted to: a failing check, or a job with failed runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["check", "job", "page"]
Level = Literal["warning", "error"]

FAILURES_THAT_PAGE = 3
"""Failed syncs in a row before ALERT_PAGE_URLS are notified."""


@dataclass(frozen=True)
class Problem:
    """One thing that fails: a check of a table, the runs of a job, or so many of them that somebody is woken.

    `path` is where it is seen in Dagster's UI; `reason` is one line.
    """

    kind: Kind
    name: str
    table: str
    level: Level
    since: datetime
    reason: str = ""
    path: str = ""

    @property
    def subject(self) -> str:
        """By what it is known from one tick to the next."""
        return f"{self.kind}:{self.name}:{self.table}"


def check_path(name: str, table: str) -> str:
    """Where a check is seen in the UI."""
    return f"/assets/{table}?view=checks&checkDetail={name}"
