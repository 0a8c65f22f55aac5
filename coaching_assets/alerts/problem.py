"""A problem that an alert reports: a failing check, or a job with failed runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["check", "job", "page"]
Level = Literal["warning", "error"]

FAILURES_THAT_PAGE = 3
"""Failed syncs in a row before ALERT_PAGE_URLS are notified."""


@dataclass(frozen=True)
class Problem:
    """A failing check of a table (`check`), failed runs of a job (`job`), or enough of them to wake somebody (`page`).

    `reason` is one line. `path` is its page in Dagster's UI. `table` is empty for jobs.
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
        """A key that stays the same from one tick to the next."""
        return f"{self.kind}:{self.name}:{self.table}"


def check_path(name: str, table: str) -> str:
    """The page of a check in Dagster's UI."""
    return f"/assets/{table}?view=checks&checkDetail={name}"
