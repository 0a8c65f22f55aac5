"""The daily limit of bytes that BigQuery may bill (BIGQUERY_DAILY_BYTES), and what waits when it is near."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from coaching_assets.postgres.connection import Connection
from coaching_assets.replica.usage import billed, read_usage
from coaching_assets.settings import Settings

Level = Literal["within", "near", "hourly", "essential"]

NEAR, HOURLY, ESSENTIAL = 0.8, 0.9, 1.0
"""Shares of the limit: from the first, an operator is warned; from the second, only the hourly schedule syncs; from the
third, comparisons and second reads of late rows wait until the next day."""


@dataclass(frozen=True)
class Budget:
    """The bytes billed on one day in UTC, and the limit; a limit of None allows any number."""

    limit: int | None
    billed: int
    day: date

    @property
    def share(self) -> float:
        """Bytes billed as a share of the limit; 0 without a limit."""
        return self.billed / self.limit if self.limit else 0.0

    @property
    def remaining(self) -> int | None:
        """The bytes that may still be billed; None without a limit."""
        return max(self.limit - self.billed, 0) if self.limit else None

    @property
    def level(self) -> Level:
        """What the day still allows."""
        if self.share >= ESSENTIAL:
            return "essential"
        if self.share >= HOURLY:
            return "hourly"
        return "near" if self.share >= NEAR else "within"

    @property
    def is_hourly(self) -> bool:
        """Whether only the hourly schedule may start syncs."""
        return self.level in {"hourly", "essential"}

    @property
    def is_essential_only(self) -> bool:
        """Whether comparisons and second reads of late rows wait until the next day."""
        return self.level == "essential"

    @property
    def sentence(self) -> str:
        """One sentence that says what waits, and until when; empty below the first threshold."""
        if self.limit is None or self.level == "within":
            return ""
        state = (
            f"BigQuery has billed {readable_bytes(self.billed)} today (UTC), {self.share:.0%} of BIGQUERY_DAILY_BYTES"
            f" ({readable_bytes(self.limit)})"
        )
        until = "until 00:00 UTC or until you raise the limit"
        consequences = {
            "near": f"at {HOURLY:.0%}, changes wait for the hourly sync; `coaching status --cost` lists the tables.",
            "hourly": f"so changes wait for the hourly sync {until}.",
            "essential": "so changes wait for the hourly sync, and the reconciliation and the second reading of late"
            f" rows wait {until}.",
        }
        separator = ";" if self.level == "near" else ","
        return f"{state}{separator} {consequences[self.level]}"


def read_budget(database: Connection, settings: Settings, now: datetime | None = None) -> Budget:
    """The bytes recorded today in UTC, and the limit. Without a limit, Postgres is not asked.

    Args:
        database: any connection.
        settings: the limit.
        now: None: the current time.
    """
    day = (now or datetime.now(UTC)).astimezone(UTC).date()
    limit = settings.bigquery_daily_bytes
    if not limit:
        return Budget(None, 0, day)
    return Budget(limit, billed(read_usage(database, "day", day, day)), day)


def readable_bytes(number: float) -> str:
    """A number of bytes with a binary unit, for example `1.5 GiB`."""
    import humanize

    return humanize.naturalsize(number, binary=True)
