"""`coaching reconcile`: compare every layer with the one below it, and repair the differences."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

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
    from coaching_assets.reconcile.differences import Comparison
    from coaching_assets.reconcile.reconciliation import Reconciliation


def reconcile(
    repair: Annotated[bool, typer.Option("--repair", help="Repair the differences.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --repair: delete extra rows even above RECONCILE_SURPLUS_SHARE.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Compare the replica with BigQuery, and the published tables with the replica.

    Exits with 1 if rows differ.
    """
    if force and not repair:
        raise typer.BadParameter("--force works only with --repair. Give both.")
    from coaching_assets.reconcile.reconciliation import reconcile as compare_all
    from coaching_assets.settings import load_settings

    with report_errors(verbose):
        result = compare_all(load_settings(), repair=repair, force=force, report=notify)
        print_reconciliation(result)
        raise typer.Exit(0 if result.is_equal else 1)


def print_reconciliation(result: "Reconciliation") -> None:
    """Print both comparisons as tables, then examples of the differences, then what could not be repaired."""
    from coaching_assets.publish.plan import AS_DIFFERENCE, CHANGES
    from coaching_assets.reconcile.differences import KINDS

    comparisons = result.comparisons.values()
    console.print(_replica_table(result))
    console.print()
    console.print(_published_table(result))
    for comparison in comparisons:
        for kind in KINDS:
            print_examples(f"{comparison.name}, {kind}", comparison.examples[kind], comparison.rows[kind])
    for name, planned in result.plan.tables.items():
        for action in CHANGES:
            print_examples(f"{name}, {AS_DIFFERENCE[action]}", planned.examples[action], planned.rows[action])
    for comparison in comparisons:
        if comparison.restriction:
            print_line(f"{comparison.name}: {comparison.restriction}")
    for comparison in comparisons:
        if comparison.reason and not comparison.is_equal:
            print_line(f"{comparison.name}: {comparison.reason}", style="red")
    for sentence in result.skipped:
        print_line(sentence, style="red")
    differs = result.plan.changes or any(sum(comparison.rows.values()) for comparison in comparisons)
    if differs and not result.found:
        print_line("Run `coaching reconcile --repair` to repair the differences.")
    if result.is_equal:
        print_line("No differences found.")


def _replica_table(result: "Reconciliation") -> Table:
    from coaching_assets.reconcile.differences import KINDS

    table = _table("Replica compared with BigQuery", "equal", *KINDS, "not synced yet", "withheld")
    if result.found:
        add_figures(table, "repaired")
    table.add_column("as of (UTC)", no_wrap=True)
    for comparison in result.comparisons.values():
        figures = [
            comparison.equal,
            *(comparison.rows[kind] for kind in KINDS),
            comparison.pending,
            comparison.withheld,
        ]
        if result.found:
            figures.append(_repaired(result, comparison))
        is_compared = comparison.state in {"compared", "not loaded"}
        as_of = f"{comparison.as_of:%Y-%m-%d %H:%M:%S}"
        table.add_row(
            _marked(comparison.name, differs=not comparison.is_equal),
            *(f"{figure:,}" if is_compared else "" for figure in figures),
            as_of if comparison.state == "compared" else f"[yellow]{comparison.state}[/yellow]",
        )
    return table


def _published_table(result: "Reconciliation") -> Table:
    from coaching_assets.publish.plan import AS_DIFFERENCE, CHANGES

    differences = [AS_DIFFERENCE[action] for action in CHANGES]
    table = _table("Published tables compared with the replica", "equal", *differences, "kept")
    if result.found:
        add_figures(table, "repaired")
    for name, planned in result.plan.tables.items():
        figures = [planned.equal, *(planned.rows[action] for action in CHANGES), planned.rows["kept"]]
        if result.found:
            figures.append(max(result.found.get(name, 0) - planned.changes, 0))
        table.add_row(_marked(name, differs=bool(planned.changes)), *(f"{figure:,}" for figure in figures))
    return table


def _table(title: str, *figures: str) -> Table:
    table = new_table(title)
    table.add_column("table", no_wrap=True)
    add_figures(table, *figures)
    return table


def _repaired(result: "Reconciliation", comparison: "Comparison") -> int:
    left = sum(comparison.rows.values()) + comparison.withheld
    return max(result.found.get(comparison.name, 0) - left, 0)


def _marked(name: str, *, differs: bool) -> str:
    return f"[red]{name}[/red]" if differs else name
