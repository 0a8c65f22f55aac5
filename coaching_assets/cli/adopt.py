"""`coaching adopt --dry-run`: show what a first sync would do to tables that already have rows."""

from typing import TYPE_CHECKING, Annotated

import typer

from coaching_assets.cli.terminal import (
    Verbose,
    add_figures,
    console,
    new_table,
    notify,
    print_examples,
    print_line,
    report_errors,
)

if TYPE_CHECKING:
    from coaching_assets.publish.dry_run import DryRun

ADOPTION_IS_PART_OF_A_SYNC = (
    "Every sync adopts existing rows: the first `coaching sync` takes over the rows of an earlier importer and keeps"
    " their ids. Run `coaching adopt --dry-run` to see its effect first. It writes nothing."
)
LEGEND = (
    "adopted: row of an earlier importer, taken over with its id; also counted as updated or unchanged."
    " kept: deleted at the source, but rows of the application reference it."
)


def adopt(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what a first sync would do, and write nothing.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Show which rows a first sync would adopt, insert, update and delete."""
    if not dry_run:
        print_line(ADOPTION_IS_PART_OF_A_SYNC)
        return
    from coaching_assets.publish.dry_run import dry_run as rehearse
    from coaching_assets.settings import load_settings

    with report_errors(verbose):
        print_dry_run(rehearse(load_settings(), notify))


def print_dry_run(result: "DryRun") -> None:
    """Print the figures per table, then the examples."""
    from coaching_assets.publish.deletion import BECAUSE, REASONS
    from coaching_assets.publish.plan import ACTIONS

    table = new_table("Effect of a sync")
    table.add_column("table", no_wrap=True)
    add_figures(table, *ACTIONS, "unchanged")
    for name, planned in result.plan.tables.items():
        table.add_row(name, *(f"{planned.rows[action]:,}" for action in ACTIONS), f"{planned.equal:,}")
    console.print(table)
    print_line(LEGEND, style="dim")
    for name, planned in result.plan.tables.items():
        for reason in REASONS:
            if rows := planned.reasons[reason]:
                print_line(f"{name}, deleted: {rows:,} {reason}. {BECAUSE[reason]}")
    for name, planned in result.plan.tables.items():
        for action in ACTIONS:
            print_examples(f"{name}, {action}", planned.examples[action], planned.rows[action])
    print_line(f"\n{result.origin} Nothing was written.")
