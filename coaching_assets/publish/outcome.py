"""The result of a sync for one published table, for its metadata, its checks and `sync_status`."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from coaching_assets.postgres.tables import RowCount


@dataclass
class Outcome:
    """The result of a sync for one published table, in rows."""

    inserted: int = 0
    updated: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Deleted rows by the reason for their deletion."""
    kept: int = 0
    """Deleted at the source, but kept because rows of the application reference them."""
    considered: int = 0
    isolated: int = 0
    """Rows that Postgres rejected or that another transaction kept locked, while a batch was written."""
    rejected: int = 0
    locked: int = 0
    """Aggregates that are not up to date, because another transaction kept one of their rows locked."""
    waiting: int = 0
    row_count: RowCount = field(default_factory=RowCount)
    newest_source_time: datetime | None = None
    findings: dict[str, int] = field(default_factory=dict)
    """Rows that each check found, by its name."""

    @property
    def deleted(self) -> int:
        """Rows that were deleted."""
        return self.reasons.total()

    @property
    def unchanged(self) -> int:
        """Rows that were computed and did not differ."""
        return max(self.considered - self.inserted - self.updated, 0)

    @property
    def changed(self) -> int:
        """Rows that were inserted, updated or deleted."""
        return self.inserted + self.updated + self.deleted

    def add(self, batch: "Outcome") -> None:
        """Add the rows of a batch."""
        self.inserted += batch.inserted
        self.updated += batch.updated
        self.reasons += batch.reasons
        self.kept += batch.kept
        self.considered += batch.considered
        self.isolated += batch.isolated
