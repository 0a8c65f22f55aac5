"""`coaching status`: how current each published table is."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from coaching_assets.cli.terminal import Verbose, add_figures, console, new_table, print_line, report_errors

if TYPE_CHECKING:
    from coaching_assets.publish.status import TableStatus

COLOURS = {"success": "green", "partial": "yellow", "failed": "red", "never": "dim"}


def status(
    cost: Annotated[bool, typer.Option("--cost", help="Show instead what BigQuery read and billed.")] = False,
    verbose: Verbose = False,
) -> None:
    """Show how current each published table is."""
    from coaching_assets.cli.cost import print_cost
    from coaching_assets.publish.status import missing_sources, read_status
    from coaching_assets.settings import load_settings

    with report_errors(verbose):
        settings = load_settings()
        if cost:
            print_cost(settings)
            return
        print_status(read_status(settings), missing_sources(settings))


def print_status(statuses: Sequence["TableStatus"], remarks: Iterable[str]) -> None:
    """Print one row per published table, then its errors. A `~` marks an estimated row count."""
    from coaching_assets.durations import readable_age

    table = new_table("sync_status")
    for column in ("entity", "status"):
        table.add_column(column, no_wrap=True)
    add_figures(table, "rows", "errors")
    table.add_column("newest source time", no_wrap=True)
    add_figures(table, "age")
    for state in statuses:
        entity, rows = state.entity, state.rows
        newest = entity.newest_source_time
        colour = COLOURS.get(entity.status, "")
        table.add_row(
            entity.entity,
            f"[{colour}]{entity.status}[/{colour}]" if colour else entity.status,
            f"{'~' if rows.is_estimate else ''}{rows.rows:,}",
            f"{entity.errors:,}",
            newest.strftime("%Y-%m-%d %H:%M:%S UTC") if newest else "never",
            readable_age(datetime.now(UTC) - newest) if newest else "",
        )
    console.print(table)
    entities = [state.entity for state in statuses]
    for entity in entities:
        if reasons := entity.details.get("rejected"):
            example = max(reasons, key=lambda reason: (reasons[reason], reason))
            number = "1 row" if entity.errors == 1 else f"{entity.errors:,} rows"
            print_line(f"{entity.entity}: {number} rejected. Most frequent reason: {example}.", style="yellow")
        if locked := entity.details.get("locked"):
            print_line(f"{entity.entity}: {locked}.", style="yellow")
        if error := entity.details.get("error"):
            print_line(f"{entity.entity}: {error}", style="red")
    if any(entity.details.get("rejected") for entity in entities):
        print_line("Run `coaching rejected` to list all rejected rows.", style="yellow")
    for remark in remarks:
        print_line(remark, style="yellow")
