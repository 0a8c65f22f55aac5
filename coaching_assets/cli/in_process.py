"""Runs the job `coaching_sync` once, in the calling process, and reports what it did per table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from coaching_assets.defs.failures import explain_failure
from coaching_assets.publish.preflight import check_connections
from coaching_assets.replica.last_syncs import FIGURES
from coaching_assets.settings import Settings
from coaching_assets.startup import begin_collection

if TYPE_CHECKING:
    from dagster import DagsterEvent, JobExecutionResult


@dataclass(frozen=True)
class TableLine:
    """The result of a sync for one asset. `figures` are in the order of `FIGURES`; None: not applicable."""

    asset: str
    state: str
    figures: tuple[float | None, ...]
    newest_source_time: datetime | None


@dataclass(frozen=True)
class SyncReport:
    """The result of a sync: one line per table, and one sentence per failed step."""

    success: bool
    lines: tuple[TableLine, ...]
    failures: tuple[str, ...]


def run_sync(settings: Settings) -> SyncReport:
    """Run the job to its end, in the Dagster instance of this process.

    Raises:
        CoachingError: a server cannot be reached or a setting is wrong; nothing was written.
    """
    check_connections(settings)

    # Dagster takes seconds to import: a wrong setting is reported before that.
    from dagster import execute_job, reconstructable

    from coaching_assets.definitions import sync_job
    from coaching_assets.defs.instance import instance_of_this_process, keeps_history
    from coaching_assets.defs.source_assets import observe_sources

    begin_collection()
    with instance_of_this_process() as instance:
        if keeps_history():
            observe_sources(instance, settings)
        run_config: dict[str, Any] = {"loggers": {"terminal": {}}}
        with execute_job(reconstructable(sync_job), instance=instance, run_config=run_config) as result:
            return _report(result)


def _report(result: "JobExecutionResult") -> SyncReport:
    failures = tuple(explain_failure(event) for event in result.all_events if event.is_step_failure)
    lines = sorted(_lines(result.all_events), key=lambda line: line.asset)
    return SyncReport(result.success, tuple(lines), failures)


def _lines(events: Sequence["DagsterEvent"]) -> Iterable[TableLine]:
    for event in events:
        if event.is_step_materialization and event.asset_key is not None:
            metadata: dict[str, Any] = {
                name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
            }
            yield TableLine(
                asset="/".join(event.asset_key.path),
                state=str(metadata.get("state", "loaded")),
                figures=tuple(metadata.get(figure) for figure in FIGURES),
                newest_source_time=_time(metadata.get("newest_source_time")),
            )


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value).astimezone(UTC) if value else None
