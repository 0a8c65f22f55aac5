"""`coaching erase`: delete a call, a person or a deal for good."""

from typing import TYPE_CHECKING, Annotated

import typer

from coaching_assets.cli.terminal import Verbose, console, new_table, print_line, report_errors

if TYPE_CHECKING:
    from coaching_assets.erasure.erase import Erasure


def erase(
    call: Annotated[list[str] | None, typer.Option(help="Gong's id of a call. Repeat it for more calls.")] = None,
    email: Annotated[
        list[str] | None, typer.Option(help="A person's e-mail address. Repeat it for more people.")
    ] = None,
    opportunity: Annotated[
        list[str] | None, typer.Option(help="The CRM's id of a deal. Repeat it for more deals.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be erased, and erase nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Erase without asking for confirmation.")] = False,
    verbose: Verbose = False,
) -> None:
    """Erase a call, a person or a deal from the replica and the application's tables, for good."""
    from coaching_assets.erasure.erase import Request
    from coaching_assets.erasure.erase import erase as erase_rows
    from coaching_assets.settings import load_settings

    with report_errors(verbose):
        settings = load_settings()
        request = Request.of(call or [], email or [], opportunity or [])
        if dry_run or not yes:
            print_erasure(erase_rows(settings, request, dry_run=True), dry_run=True)
        if dry_run or not (yes or typer.confirm("Erase this for good?")):
            return
        print_erasure(erase_rows(settings, request), dry_run=False)


def print_erasure(erasure: "Erasure", *, dry_run: bool) -> None:
    """Print the erased rows per table, then the tables that still mention what was erased."""
    table = new_table("would be erased" if dry_run else "erased")
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("how")
    for how, rows in erasure.sections.items():
        for name, count in rows.items():
            table.add_row(name, f"{count:,}", how)
    if table.row_count:
        console.print(table)
    else:
        print_line("No row matches. Later syncs will leave out matching rows.")
    for name, count in erasure.remaining.items():
        print_line(f"Still mentioned in {count:,} rows of {name}.", style="yellow")
