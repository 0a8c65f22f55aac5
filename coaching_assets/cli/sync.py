"""`coaching sync`: the main job once, in this process, with what it did as a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from coaching_assets.defs.failures import explain_failure
from coaching_assets.postgres.connection import connect
from coaching_assets.postgres.errors import retried
from coaching_assets.publish.application import require_application_tables
from coaching_assets.replica.last_syncs import FIGURES
from coaching_assets.settings import Settings
from coaching_assets.startup import begin_collection

if TYPE_CHECKING:
    from dagster import DagsterEvent, JobExecutionResult


@dataclass(frozen=True)
class SyncReport:
    """What a sync did: a line a table, and what went wrong."""

    success: bool
    lines: tuple["TableLine", ...]
    failures: tuple[str, ...]


@dataclass(frozen=True)
class TableLine:
    """What a sync did to one asset; figures are None where they do not apply."""

    asset: str
    state: str
    figures: tuple[float | None, ...]
    newest_source_time: datetime | None


def check_reachable(settings: Settings) -> None:
    """See that both servers let us in, before anything is written.

    Raises:
        SettingError: a setting is missing or wrong.
        CannotConnect: Postgres refuses or does not answer.
        SourceError: BigQuery refuses or does not answer, or has no such dataset of Gong's, which nothing works without.
        MissingTables: the application's tables are not there.
    """
    from coaching_assets.bigquery.client import connect as connect_bigquery
    from coaching_assets.bigquery.errors import DATASET_REMEDY, DatasetNotFound
    from coaching_assets.bigquery.metadata import table_names

    def look() -> None:
        with connect(settings) as database:
            require_application_tables(database, settings.coaching_schema)

    retried(settings, look)
    if table_names(connect_bigquery(settings), settings.gong_dataset) is None:
        remedy = DATASET_REMEDY.format(setting="GONG_DATASET")
        raise DatasetNotFound(f"Dataset {settings.project()}.{settings.gong_dataset} is not there. {remedy}")


def run_sync(settings: Settings) -> SyncReport:
    """Run the job `coaching_sync` to its end, in the instance of this process."""
    check_reachable(settings)

    from dagster import execute_job, reconstructable

    from coaching_assets.definitions import sync_job
    from coaching_assets.defs.instance import instance_of_this_process

    begin_collection()
    with (
        instance_of_this_process() as instance,
        execute_job(reconstructable(sync_job), instance=instance, run_config={"loggers": {"terminal": {}}}) as result,
    ):
        return _report(result)


def print_report(console: Console, report: SyncReport) -> None:
    """Print the summary table, and what went wrong."""
    table = Table(title="coaching_sync", title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("table", no_wrap=True)
    for figure in FIGURES:
        table.add_column(figure.removeprefix("rows_"), justify="right", no_wrap=True)
    table.add_column("newest source time", no_wrap=True)
    for line in report.lines:
        newest = line.newest_source_time.strftime("%Y-%m-%d %H:%M:%S") if line.newest_source_time else ""
        state = newest if line.state == "loaded" else f"[yellow]{line.state}[/yellow]"
        table.add_row(line.asset, *(_figure(value) for value in line.figures), state)
    console.print(table)
    for failure in report.failures:
        console.print(f"Failed: {failure}", style="red", markup=False, highlight=False)


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


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
