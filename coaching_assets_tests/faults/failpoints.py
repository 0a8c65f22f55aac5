"""Failpoints: moments of a sync at which a test kills the process.

`python -m coaching_assets_tests.faults.failpoints sync` is `coaching sync` with the failpoint that `COACHING_FAILPOINT`
names. The product knows nothing of it: the function at whose edge the failpoint lies is wrapped in this process.
"""

import functools
import os
import signal
from collections.abc import Callable, Iterator
from enum import StrEnum, auto
from pkgutil import resolve_name
from typing import Any, NamedTuple, NoReturn

VARIABLE = "COACHING_FAILPOINT"


class Failpoint(StrEnum):
    """A moment between two steps that must not come apart, in the order in which a sync reaches them."""

    EXTRACTING = auto()
    """The first rows of a table are read, more may come."""
    EXTRACTED = auto()
    """All rows are in dlt's load package, and nothing is in Postgres."""
    COPYING = auto()
    """The staging tables exist and are empty."""
    STAGED = auto()
    """One table is copied into its staging table and not merged."""
    MERGING = auto()
    """One table is about to be merged into the replica."""
    MERGED = auto()
    """One table is merged, others are not, and dlt has not recorded the load."""
    BEFORE_LOAD_RECORDED = auto()
    """All tables are merged, and dlt has not recorded the load."""
    LOADED = auto()
    """dlt has recorded the load; the changes seen at the source are not recorded."""
    PENDING_FOUND = auto()
    """The pending aggregates are found, none is published."""
    BATCH_WRITTEN = auto()
    """One batch is written and not committed."""
    BATCH_COMMITTED = auto()
    """One batch is committed, others are not."""
    ALL_WRITTEN = auto()
    """The last batch is written; the published loads are not recorded."""
    LOADS_RECORDED = auto()
    """The published loads are recorded, `sync_status` is not written."""
    STATUS_WRITTEN = auto()
    """Everything is written, and the last transaction is not committed."""
    PUBLISHED = auto()
    """One group of tables is published and committed; others may follow."""


class Edge(StrEnum):
    """The side of a call on which a failpoint lies."""

    BEFORE = auto()
    AFTER = auto()
    AFTER_FIRST_ITEM = auto()
    """Of a generator: its first item is processed."""


class Place(NamedTuple):
    """One edge of a function of the product."""

    edge: Edge
    owner: str
    """The class or module through which the product calls the function."""
    name: str


REPLICA, PUBLISH = "coaching_assets.replica", "coaching_assets.publish"
PLACES = {
    Failpoint.EXTRACTING: Place(Edge.AFTER_FIRST_ITEM, f"{REPLICA}.extraction:Extraction", "batches"),
    Failpoint.EXTRACTED: Place(Edge.BEFORE, f"{REPLICA}.destination:ReplicaClient", "update_stored_schema"),
    Failpoint.COPYING: Place(Edge.BEFORE, f"{REPLICA}.copying:CopyJob", "run"),
    Failpoint.STAGED: Place(Edge.AFTER, f"{REPLICA}.copying:CopyJob", "run"),
    Failpoint.MERGING: Place(Edge.BEFORE, "dlt.destinations.job_client_impl:SqlLoadJob", "run"),
    Failpoint.MERGED: Place(Edge.AFTER, "dlt.destinations.job_client_impl:SqlLoadJob", "run"),
    Failpoint.BEFORE_LOAD_RECORDED: Place(Edge.BEFORE, f"{REPLICA}.destination:ReplicaClient", "complete_load"),
    Failpoint.LOADED: Place(Edge.AFTER, f"{REPLICA}.destination:ReplicaClient", "complete_load"),
    Failpoint.PENDING_FOUND: Place(Edge.AFTER, f"{PUBLISH}.publisher:Publisher", "find_pending"),
    Failpoint.BATCH_WRITTEN: Place(Edge.AFTER, f"{PUBLISH}.batches:", "write_one_batch"),
    Failpoint.BATCH_COMMITTED: Place(Edge.AFTER, f"{PUBLISH}.batches:", "commit_batch"),
    Failpoint.ALL_WRITTEN: Place(Edge.BEFORE, f"{PUBLISH}.publisher:Publisher", "_record_published"),
    Failpoint.LOADS_RECORDED: Place(Edge.AFTER, f"{PUBLISH}.publisher:Publisher", "_record_published"),
    Failpoint.STATUS_WRITTEN: Place(Edge.AFTER, f"{PUBLISH}.publisher:Publisher", "_write_sync_status"),
    Failpoint.PUBLISHED: Place(Edge.BEFORE, f"{PUBLISH}.publisher:Publisher", "_record_row_counts"),
}


def arm(point: Failpoint) -> None:
    """Let this process kill itself when it reaches the failpoint."""
    edge, path, name = PLACES[point]
    owner = resolve_name(path)
    setattr(owner, name, _wrapped(getattr(owner, name), edge))


def _wrapped(function: Callable[..., Any], edge: Edge) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        if edge is Edge.BEFORE:
            _die()
        function(*arguments, **options)
        _die()

    @functools.wraps(function)
    def iterate(*arguments: Any, **options: Any) -> Iterator[Any]:
        for item in function(*arguments, **options):
            yield item
            _die()

    return iterate if edge is Edge.AFTER_FIRST_ITEM else call


def _die() -> NoReturn:
    """End as the kernel ends a process when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def main() -> None:
    """Run `coaching` with the failpoint that the environment names, if any."""
    from coaching_assets.cli.app import main as coaching

    if point := os.environ.get(VARIABLE):
        arm(Failpoint(point))
    coaching()


if __name__ == "__main__":
    main()
