"""Counts the bytes that a connection to BigQuery reads and is billed, until they are recorded."""

import threading
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Kind = Literal["whole read", "filtered read", "query"]
Activity = Literal["sync", "reconciliation"]

MINIMUM_QUERY_BYTES = 10 * 1024**2
"""The least that a query bills per table: https://cloud.google.com/bigquery/pricing#on_demand_pricing"""

FIGURES = ("requests", "rows", "bytes_estimated", "bytes_read", "bytes_billed")


@dataclass(frozen=True)
class Usage:
    """The figures of one or more reads or queries of a table.

    Attributes:
        dataset: the BigQuery dataset.
        table: the BigQuery table.
        kind: a read of all rows, a read with a filter, or a query job.
        requests: read sessions whose rows were read, or query jobs.
        rows: rows received.
        bytes_estimated: BigQuery's estimate before reading; 0 for a query without a dry run.
        bytes_read: bytes of the rows received, uncompressed; for a query, the bytes that it processed.
        bytes_billed: for a query, BigQuery's figure. For a read, the estimate, because the API reports no other figure:
            it bills the bytes scanned, also those of rows that the filter discards.
            https://cloud.google.com/bigquery/pricing#data_extraction_pricing
    """

    dataset: str
    table: str
    kind: Kind
    requests: int = 0
    rows: int = 0
    bytes_estimated: int = 0
    bytes_read: int = 0
    bytes_billed: int = 0

    @property
    def name(self) -> str:
        """`dataset.table`."""
        return f"{self.dataset}.{self.table}"

    def plus(self, other: "Usage") -> "Usage":
        """Return the sum of both; the table and the kind are those of this one."""
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in FIGURES})


Listener: TypeAlias = Callable[["Meter"], object]


class Meter:
    """The usage of one connection that is not recorded yet. Threads may share it.

    `run` and `activity` say who reads; they are recorded with the figures.
    """

    def __init__(self) -> None:
        self.run: str = uuid.uuid4().hex
        self.activity: Activity = "sync"
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, Kind], Usage] = {}
        self._totals: dict[str, Usage] = {}
        self._allowance: int | None = None
        self._listener: Listener | None = None

    def add(self, usage: Usage) -> None:
        """Count a usage, and let the listener record it.

        An error of the listener does not end a read: the usage stays pending.
        """
        with self._lock:
            self._put_back([usage])
            known = self._totals.get(usage.name)
            self._totals[usage.name] = known.plus(usage) if known is not None else usage
            if self._allowance is not None:
                self._allowance = max(self._allowance - usage.bytes_billed, 0)
            listener = self._listener
        if listener is not None:
            with suppress(Exception):
                listener(self)

    def take(self) -> list[Usage]:
        """Remove and return the pending usages, one per table and kind, in the order of their names."""
        with self._lock:
            pending, self._pending = self._pending, {}
            return [pending[key] for key in sorted(pending)]

    @property
    def is_pending(self) -> bool:
        """Whether there are usages to take."""
        with self._lock:
            return bool(self._pending)

    def put_back(self, usages: Iterable[Usage]) -> None:
        """Make usages pending again that could not be recorded."""
        with self._lock:
            self._put_back(usages)

    def total(self, dataset: str, table: str) -> Usage:
        """The sum of all kinds of a table since the connection was created."""
        with self._lock:
            return self._totals.get(f"{dataset}.{table}", Usage(dataset, table, "query"))

    def listen(self, listener: Listener | None) -> None:
        """Call the listener after each usage, in the thread that reads; None ends it."""
        with self._lock:
            self._listener = listener

    def allow(self, bytes_billed: int | None) -> None:
        """Let queries bill at most this number of bytes from now on; None sets no limit."""
        with self._lock:
            self._allowance = bytes_billed

    @property
    def allowance(self) -> int | None:
        """The bytes that queries may still bill; None if there is no limit."""
        with self._lock:
            return self._allowance

    def _put_back(self, usages: Iterable[Usage]) -> None:
        for usage in usages:
            key = (usage.name, usage.kind)
            known = self._pending.get(key)
            self._pending[key] = known.plus(usage) if known is not None else usage
