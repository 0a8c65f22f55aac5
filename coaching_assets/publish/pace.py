"""How many aggregates a transaction takes, so that what it locks is never locked for long."""

FIRST_BATCH = 50
"""Small enough to be short whatever the rows are like; the first ones say how large the next may be."""


class Pace:
    """The size of the next batch: larger while batches are short or lock nothing that the application can see."""

    def __init__(self, most: int, seconds: float) -> None:
        """`most` aggregates, and about so many seconds for a batch that changes or deletes rows."""
        self.size = min(FIRST_BATCH, most)
        self._most = most
        self._seconds = seconds

    def adjust(self, aggregates: int, seconds: float, *, locks: bool) -> None:
        """A batch of so many is written; `locks` says whether it changed rows that others see, or only added some."""
        share = seconds / self._seconds if locks else 0.0
        self.size = min(self._most, max(1, int(aggregates / max(share, 0.5))))
