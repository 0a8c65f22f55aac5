"""`coaching rejected`: list the source rows that cannot be published, with the reason."""

import json as json_module
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from coaching_assets.cli.terminal import Verbose, console, new_table, print_line, report_errors

if TYPE_CHECKING:
    from coaching_assets.publish.rejected import RejectedRow


def rejected(
    table: Annotated[str | None, typer.Option(help="List the rows of this table only, for example calls.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Write a JSON array, with the complete source rows.")] = False,
    verbose: Verbose = False,
) -> None:
    """List the source rows that cannot be published, and why."""
    from coaching_assets.publish.rejected import read_rejected
    from coaching_assets.settings import load_settings

    with report_errors(verbose):
        rows = read_rejected(load_settings(), table)
        if json:
            write_json(rows)
        else:
            print_rejected(rows)


def print_rejected(rows: Sequence["RejectedRow"]) -> None:
    """Print one line per row: published table, key, reason, first and last seen."""
    from rich.markup import escape

    if not rows:
        print_line("No rows are rejected.")
        return
    table = new_table()
    table.padding = (0, 1, 0, 0)
    table.add_column("table", no_wrap=True)
    for column in ("key", "reason"):
        table.add_column(column, overflow="fold")
    for column in ("first seen", "last seen"):
        table.add_column(f"{column} (UTC)", no_wrap=True)
    for row in rows:
        key = ", ".join(f"{name} {value if value is not None else 'missing'}" for name, value in row.key.items())
        seen = (f"{time.astimezone(UTC):%Y-%m-%d %H:%M}" for time in (row.first_seen, row.last_seen))
        table.add_row(row.published_table, escape(key), escape(row.reason), *seen)
    console.print(table)


def write_json(rows: Sequence["RejectedRow"]) -> None:
    """Write the rows to standard output as one JSON array."""
    document = [asdict(row) for row in rows]
    json_module.dump(document, sys.stdout, default=datetime.isoformat, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
