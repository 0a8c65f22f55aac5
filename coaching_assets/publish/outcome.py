"""What a sync did to one published table, for its metadata, its checks and `sync_status`."""

from dataclasses import dataclass, field
from datetime import datetime

from coaching_assets.postgres.tables import RowCount


@dataclass
class Outcome:
    """What a sync did to one published table, in rows."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    kept: int = 0
    """Deleted at the source, but kept because application-owned rows hang on them."""
    considered: int = 0
    rejected: int = 0
    waiting: int = 0
    row_count: RowCount = field(default_factory=RowCount)
    newest_source_time: datetime | None = None
    findings: dict[str, int] = field(default_factory=dict)
    """Rows that are odd, by the check that says so."""

    @property
    def unchanged(self) -> int:
        """Rows that were due and turned out to be as they should be."""
        return max(self.considered - self.inserted - self.updated, 0)

    @property
    def changed(self) -> int:
        """Rows that were written."""
        return self.inserted + self.updated + self.deleted

    def add(self, batch: "Outcome") -> None:
        """Count the rows of a batch too."""
        self.inserted += batch.inserted
        self.updated += batch.updated
        self.deleted += batch.deleted
        self.kept += batch.kept
        self.considered += batch.considered
