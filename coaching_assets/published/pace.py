"""How many aggregates a transaction takes, so that what it locks is never locked for long."""

from time import monotonic

FIRST_BATCH = 50
"""Small enough to be short whatever the rows are like; the first ones say how large the next may be."""


class Pace:
    """The size of the next batch: larger while batches are short or lock nothing that the application can see."""

    def __init__(self, most: int, seconds: float) -> None:
        """`most` aggregates, and about so many seconds for a batch that changes or deletes rows."""
        self.size = min(FIRST_BATCH, most)
        self._most = most
        self._seconds = seconds
        self._started = monotonic()

    def begin(self) -> None:
        """A batch begins."""
        self._started = monotonic()

    def end(self, *, locks: bool) -> None:
        """A batch is written; `locks` says whether it changed rows that others see, rather than only adding some."""
        share = (monotonic() - self._started) / self._seconds if locks else 0.0
        self.size = min(self._most, max(1, int(self.size / max(share, 0.5))))
