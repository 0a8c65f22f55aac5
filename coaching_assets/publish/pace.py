"""Sets the size of batches, so that their transactions hold locks only for a short time."""

FIRST_BATCH = 50
"""Aggregates in the first batch: few enough to be quick whatever the rows are like."""


class Pace:
    """The size of the next batch: it grows while batches are quick, or lock no row that the application sees.

    Args:
        most: the largest size, in aggregates.
        seconds: the target for a batch that updates or deletes rows.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.size = min(FIRST_BATCH, most)
        self._most = most
        self._seconds = seconds

    def adjust(self, aggregates: int, seconds: float, *, locks: bool) -> None:
        """Set the next size after a batch; `locks` is whether it updated or deleted rows that others see."""
        share = seconds / self._seconds if locks else 0.0
        self.size = min(self._most, max(1, int(aggregates / max(share, 0.5))))
