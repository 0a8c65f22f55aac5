"""`coaching sync`: run the job `coaching_sync` once and print one line per table."""

from typing import TYPE_CHECKING

import typer

from coaching_assets.cli.terminal import Verbose, add_figures, console, new_table, print_line, report_errors
from coaching_assets.startup import postponed_collection

if TYPE_CHECKING:
    from coaching_assets.cli.in_process import SyncReport


def sync(verbose: Verbose = False) -> None:
    """Run the sync once, in this process.

    Exits with 1 if any table failed.
    """
    with postponed_collection():
        from coaching_assets.cli.in_process import run_sync
        from coaching_assets.settings import load_settings

        with report_errors(verbose):
            settings = load_settings()
            report = run_sync(settings)
            if settings.log_format == "text":
                print_report(report)
            raise typer.Exit(0 if report.success else 1)


def print_report(report: "SyncReport") -> None:
    """Print the figures of each table, then the failures."""
    from coaching_assets.replica.last_syncs import FIGURES

    table = new_table("coaching_sync")
    table.add_column("table", no_wrap=True)
    add_figures(table, *(figure.removeprefix("rows_") for figure in FIGURES))
    table.add_column("newest source (UTC)", no_wrap=True)
    for line in report.lines:
        newest = line.newest_source_time.strftime("%Y-%m-%d %H:%M:%S") if line.newest_source_time else ""
        state = newest if line.state == "loaded" else f"[yellow]{line.state}[/yellow]"
        table.add_row(line.asset, *(_figure(value) for value in line.figures), state)
    console.print(table)
    for failure in report.failures:
        print_line(f"Failed: {failure}", style="red")


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
