"""One extraction: the rows that a sync reads of one source table. Does not import dlt, which takes seconds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from coaching_assets.replica.placement import Placement, place

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from coaching_assets.bigquery.client import BigQuery
    from coaching_assets.bigquery.reading import TableRead
    from coaching_assets.bigquery.tables import TableDescription

Range = tuple[datetime, datetime]
"""A start, and an end that does not belong to it."""

END_OF_TIME = datetime.max.replace(tzinfo=UTC)
"""BigQuery's last TIMESTAMP: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#timestamp_type"""


@dataclass
class Extraction:
    """The rows to read of one table.

    `since` is None for all rows. `ranges` are the parts of the time since then that differ from what was read before;
    None reads all of it. `rejected` are times before `since` that are read, too. `result` is set once reading began.
    """

    bigquery: "BigQuery"
    description: "TableDescription"
    since: datetime | None
    snapshot: datetime
    streams: int
    placed: Mapping[str, Placement]
    ranges: Sequence[Range] | None = None
    rejected: Sequence[Range] = ()
    on_rows: Callable[[str, int], None] | None = None
    result: "TableRead | None" = field(default=None, init=False)

    def open(self, executor: "Executor") -> None:
        """Let BigQuery prepare the read session before the first row is needed."""
        self.result = self._read()
        self.result.open(executor)

    def batches(self) -> Iterator[Any]:
        """Yield the table's rows since `since`, as Arrow batches with the replica's columns."""
        self.result = self.result or self._read()
        rows = 0
        for batch in self.result.loadable_batches():
            rows += batch.num_rows
            if self.on_rows is not None:
                self.on_rows(self.description.table, rows)
            yield place(batch, self.placed)

    def _read(self) -> "TableRead":
        since, ranges = self.since, self.ranges
        if since is not None and self.rejected:
            ranges = [*(ranges if ranges is not None else [(since, END_OF_TIME)]), *self.rejected]
            since = min(since, *(start for start, _ in self.rejected))  # views take no ranges
        return self.bigquery.read(
            self.description,
            since=since,
            ranges=ranges,
            snapshot=self.snapshot,
            streams=self.streams,
        )
