"""`coaching reconcile`: how replica and published tables compare with what they are made from, as a table."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from coaching_assets.publish.plan import AS_DIFFERENCE, CHANGES, TablePlan
from coaching_assets.reconcile.comparison import KINDS, Comparison
from coaching_assets.reconcile.reconciliation import Reconciliation


def print_reconciliation(console: Console, result: Reconciliation) -> None:
    """Print the replica's tables, the published tables, examples of what differs, and what was not mended."""
    comparisons = result.comparisons.values()
    console.print(_replica_table(result))
    console.print()
    console.print(_published_table(result))
    for comparison in comparisons:
        for kind in KINDS:
            _print_examples(console, f"{comparison.name}, {kind}", comparison.examples[kind], comparison.rows[kind])
    for name, planned in result.plan.tables.items():
        for action in CHANGES:
            examples = [str(example) for example in planned.examples[action]]
            _print_examples(console, f"{name}, {AS_DIFFERENCE[action]}", examples, planned.rows[action])
    for comparison in comparisons:
        if comparison.reason and not comparison.is_equal:
            console.print(f"{comparison.name}: {comparison.reason}", style="red", markup=False, highlight=False)
    for refusal in result.refusals:
        console.print(refusal, style="red", markup=False, highlight=False)
    differs = result.plan.changes or any(sum(comparison.rows.values()) for comparison in comparisons)
    if differs and not result.found:
        console.print("`coaching reconcile --repair` mends what differs.", highlight=False)


def _replica_table(result: Reconciliation) -> Table:
    table = _table("Replica and BigQuery", "equal", *KINDS, "not synced yet", "withheld")
    if result.found:
        table.add_column("mended", justify="right", no_wrap=True)
    table.add_column("as of (UTC)", no_wrap=True)
    for comparison in result.comparisons.values():
        is_compared = comparison.state in {"compared", "not loaded"}
        figures = [
            comparison.equal,
            *(comparison.rows[kind] for kind in KINDS),
            comparison.pending,
            comparison.withheld,
        ]
        cells = [f"{figure:,}" if is_compared else "" for figure in figures]
        if result.found:
            left = sum(comparison.rows.values()) + comparison.withheld
            mended = result.found.get(comparison.name, 0) - left
            cells.append(f"{max(mended, 0):,}" if is_compared else "")
        as_of = f"{comparison.as_of:%Y-%m-%d %H:%M:%S}"
        state = as_of if comparison.state == "compared" else f"[yellow]{comparison.state}[/yellow]"
        table.add_row(_marked(comparison), *cells, state)
    return table


def _published_table(result: Reconciliation) -> Table:
    table = _table("Published tables and replica", "equal", *(AS_DIFFERENCE[action] for action in CHANGES), "kept")
    if result.found:
        table.add_column("mended", justify="right", no_wrap=True)
    for name, planned in result.plan.tables.items():
        figures = [planned.equal, *(planned.rows[action] for action in CHANGES), planned.rows["kept"]]
        if result.found:
            figures.append(max(result.found.get(name, 0) - planned.changes, 0))
        table.add_row(_coloured(name, planned), *(f"{figure:,}" for figure in figures))
    return table


def _table(title: str, *figures: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("table", no_wrap=True)
    for figure in figures:
        table.add_column(figure, justify="right", no_wrap=True)
    return table


def _marked(comparison: Comparison) -> str:
    return comparison.name if comparison.is_equal else f"[red]{comparison.name}[/red]"


def _coloured(name: str, planned: TablePlan) -> str:
    return f"[red]{name}[/red]" if planned.changes else name


def _print_examples(console: Console, title: str, examples: list[str], rows: int) -> None:
    if examples:
        console.print(f"\n{title}:", style="bold", highlight=False)
        for example in examples:
            console.print(f"  {example}", markup=False, highlight=False)
        if rows > len(examples):
            console.print(f"  and {rows - len(examples):,} more", highlight=False)
