"""The moments at which a crash is worth trying; a no-op unless a test arms one of them."""

import os
import signal
from enum import StrEnum

VARIABLE = "COACHING_KILL_POINT"
"""Names the point at which the process is to kill itself; `merged:3` means the third time that it gets there."""


class KillPoint(StrEnum):
    """A moment between two things that must not come apart, in the order in which a sync reaches them."""

    EXTRACTING = "extracting"
    """The first rows of a table are read, more may come."""
    EXTRACTED = "extracted"
    """All rows are read and stand in dlt's load package; nothing is in Postgres."""
    COPYING = "copying"
    """The staging tables are made and emptied, none is filled."""
    STAGED = "staged"
    """A table is copied into its staging table, not merged."""
    MERGING = "merging"
    """A table is about to be merged into the replica."""
    MERGED = "merged"
    """A table is merged, others are not, and dlt has not noted the load."""
    BEFORE_LOAD_NOTED = "before_load_noted"
    """All tables are merged, and dlt has not noted the load."""
    LOADED = "loaded"
    """dlt has noted the load; what was met at the source is not."""
    DUE_FOUND = "due_found"
    """The aggregates that are due are found, none is published."""
    BATCH_WRITTEN = "batch_written"
    """A batch is written and not committed."""
    BATCH_COMMITTED = "batch_committed"
    """A batch is committed, others are not."""
    ALL_WRITTEN = "all_written"
    """The last batch is written; which loads are published is not noted."""
    LOADS_NOTED = "loads_noted"
    """The published loads are noted, `sync_status` is not written."""
    STATUS_WRITTEN = "status_written"
    """Everything is written, and the last transaction is not committed."""
    PUBLISHED = "published"
    """A group of tables is published and committed; others may follow."""


_reached: dict[KillPoint, int] = {}


def reach(point: KillPoint) -> None:
    """Kill this process, as the kernel would when memory runs out, if the point is armed."""
    armed = os.environ.get(VARIABLE)
    if armed is None:
        return
    name, _, time = armed.partition(":")
    if name != point:
        return
    _reached[point] = _reached.get(point, 0) + 1
    if _reached[point] == int(time or 1):
        os.kill(os.getpid(), signal.SIGKILL)
