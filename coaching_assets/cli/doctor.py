"""`coaching doctor`: check settings, servers and rights, one line per check with its remedy."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from coaching_assets.cli.terminal import Verbose, console, report_errors

if TYPE_CHECKING:
    from coaching_assets.doctor.checks import Finding

MARKS = {"ok": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "failed": "[red]✗[/red]"}


def doctor(verbose: Verbose = False) -> None:
    """Check settings, BigQuery and Postgres, with a remedy for each problem.

    Exits with 1 if a check failed.
    """
    from coaching_assets.doctor.checks import run_checks
    from coaching_assets.settings import load_settings

    with report_errors(verbose):
        healthy = print_findings(run_checks(load_settings()))
    raise typer.Exit(0 if healthy else 1)


def print_findings(findings: Iterable["Finding"]) -> bool:
    """Print each finding as soon as its check is done.

    Returns:
        Whether no check failed. Warnings do not count.
    """
    from rich.markup import escape

    healthy = True
    for finding in findings:
        healthy = healthy and finding.state != "failed"
        remedy = f" → {finding.remedy}" if finding.remedy else ""
        console.print(MARKS[finding.state] + escape(f" {finding.message}{remedy}"), highlight=False, soft_wrap=True)
    return healthy
