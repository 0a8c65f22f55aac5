"""One extraction: the rows that a sync reads of one source table. Does not import dlt, which takes seconds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from coaching_assets.replica.placement import Placement, place

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from coaching_assets.bigquery.client import BigQuery
    from coaching_assets.bigquery.reading import TableRead
    from coaching_assets.bigquery.tables import TableDescription


@dataclass
class Extraction:
    """The rows to read of one table.

    `since` is None for all rows. `ranges` are the parts of the time since then that differ from what was read before;
    None reads all of it. `result` is set once reading began.
    """

    bigquery: "BigQuery"
    description: "TableDescription"
    since: datetime | None
    snapshot: datetime
    streams: int
    placed: Mapping[str, Placement]
    ranges: Sequence[tuple[datetime, datetime]] | None = None
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
        return self.bigquery.read(
            self.description,
            since=self.since,
            ranges=self.ranges,
            snapshot=self.snapshot,
            streams=self.streams,
        )
