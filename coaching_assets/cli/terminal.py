"""Shared by all commands: the two output streams, the `--verbose` option, and the handling of errors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from coaching_assets.errors import CoachingError

MINIMUM_WIDTH = 120
"""Width of the widest table, in characters. A narrower terminal wraps lines, so that no figure is cut off."""

console = Console(width=max(Console().width, MINIMUM_WIDTH))
errors = Console(stderr=True)

Verbose = Annotated[bool, typer.Option("--verbose", help="Show the stack trace of an error.")]


@contextmanager
def report_errors(verbose: bool) -> Iterator[None]:
    """Print a `CoachingError` as its message, without a stack trace, and exit with status 1."""
    try:
        yield
    except CoachingError as error:
        if verbose:
            raise
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def notify(sentence: str) -> None:
    """Print progress to standard error, apart from the command's output."""
    errors.print(sentence, style="dim", markup=False, highlight=False)


def print_line(text: str, style: str = "") -> None:
    """Print text as it is: no markup, no highlighting."""
    console.print(text, style=style, markup=False, highlight=False)


def new_table(title: str | None = None) -> Table:
    """Create an empty table in the style of all commands."""
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False)


def add_figures(table: Table, *names: str) -> None:
    """Add right-aligned columns for numbers."""
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)


def print_examples(title: str, examples: Sequence[object], rows: int) -> None:
    """Print some of `rows` rows under a title; nothing where there are no examples."""
    if not examples:
        return
    print_line(f"\n{title}:", style="bold")
    for example in examples:
        print_line(f"  {example}")
    if rows > len(examples):
        print_line(f"  and {rows - len(examples):,} more")
