"""The Dagster instance of a run in this process: the one of DAGSTER_HOME, or one that keeps nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dagster import DagsterInstance, EventRecordsResult
from dagster._core.instance.types import InstanceType
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.storage.event_log import InMemoryEventLogStorage
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs import InMemoryRunStorage

from coaching_assets.working_folder import working_folder

if TYPE_CHECKING:
    from dagster import AssetRecord, EventLogEntry


class UnrecordedEvents(InMemoryEventLogStorage):
    """An event log that keeps nothing: nobody can read it after the process has ended.

    Dagster's ephemeral instance stores each event in SQLite instead. A sync with nothing changed then takes 1.29 times
    as long (2.74 s instead of 2.16 s, medians of seven pairs by turns).
    """

    def store_event(self, event: "EventLogEntry") -> None:
        """Drop the event."""

    def get_asset_records(self, *_: Any, **__: Any) -> "list[AssetRecord]":
        """No asset was materialized before."""
        return []

    def fetch_observations(self, *_: Any, **__: Any) -> EventRecordsResult:
        """No asset was observed before."""
        return EventRecordsResult([], cursor="", has_more=False)


def keeps_history() -> bool:
    """Whether runs of this process are part of an instance's history: DAGSTER_HOME is set."""
    return bool(os.environ.get("DAGSTER_HOME"))


@contextmanager
def instance_of_this_process() -> Iterator[DagsterInstance]:
    """With DAGSTER_HOME set, the run is part of that instance's history; else it leaves no trace."""
    if keeps_history():
        with DagsterInstance.get() as instance:
            yield instance
        return
    with (
        working_folder("dagster") as folder,
        DagsterInstance(
            instance_type=InstanceType.EPHEMERAL,
            local_artifact_storage=LocalArtifactStorage(str(folder)),
            run_storage=InMemoryRunStorage(),
            event_storage=UnrecordedEvents(),
            compute_log_manager=NoOpComputeLogManager(),
            run_coordinator=DefaultRunCoordinator(),
            run_launcher=SyncInMemoryRunLauncher(),
        ) as instance,
    ):
        yield instance
