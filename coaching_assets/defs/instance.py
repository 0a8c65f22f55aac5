"""The Dagster instance of a run in this process: that of DAGSTER_HOME, or one of which nothing stays."""

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
    """An event log that keeps nothing.

    A run hands its events to whoever started it. To store them too, as Dagster's ephemeral instance does, takes as long
    as the rest of a sync in which nothing changed, and nobody could read them once the process has ended.
    """

    def store_event(self, event: "EventLogEntry") -> None:
        """Keep nothing."""

    def get_asset_records(self, *_: Any, **__: Any) -> "list[AssetRecord]":
        """No asset was materialized before."""
        return []

    def fetch_observations(self, *_: Any, **__: Any) -> EventRecordsResult:
        """No asset was observed before."""
        return EventRecordsResult([], cursor="", has_more=False)


@contextmanager
def instance_of_this_process() -> Iterator[DagsterInstance]:
    """With DAGSTER_HOME set, a run stands in that instance's history like any other; else it leaves none."""
    if os.environ.get("DAGSTER_HOME"):
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
