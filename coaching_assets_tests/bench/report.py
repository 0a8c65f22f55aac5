"""The benchmark's table, JSON file and plot."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from coaching_assets_tests.bench.outcome import Outcome
from coaching_assets_tests.bench.sizes import Sizes

REACHED, MISSED, NO_GOAL = "#2f7d5b", "#c2562d", "#8a8f98"


def machine() -> str:
    """The machine, in one line; its load says how quiet it was."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GB, load {os.getloadavg()[0]:.1f}"


def print_outcomes(console: Console, outcomes: Sequence[Outcome], sizes: Sizes, where: str) -> None:
    """Print the table of ratios."""
    table = Table(title=f"make bench, sizes {sizes.name!r}: {where}", title_justify="left", box=SIMPLE_HEAD)
    for column, justify in (("measure", "left"), ("figure", "right"), ("goal", "left"), ("", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for outcome in outcomes:
        mark = {True: "[green]reached[/green]", False: "[red]missed[/red]", None: ""}[outcome.reached]
        table.add_row(outcome.measure, outcome.written(outcome.figure), outcome.goal_text, mark)
    console.print(table)


def write_json(path: Path, outcomes: Sequence[Outcome], sizes: Sizes, where: str) -> None:
    """Write all figures, the absolute ones too."""
    content = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": where,
        "sizes": sizes.name,
        "outcomes": [outcome.as_json() for outcome in outcomes],
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


UNDER_TEXT = {"facecolor": "white", "edgecolor": "none", "pad": 1}
"""Keeps the line of the goals out of the figures."""


def plot(path: Path, outcomes: Sequence[Outcome], sizes: Sizes, where: str) -> None:
    """Draw each figure as its share of the goal, so that what reaches it stays left of the line."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    judged = [outcome for outcome in reversed(outcomes) if outcome.goal is not None and outcome.goal.limit > 0]
    shares = [_share(outcome) for outcome in judged]
    figure, axes = pyplot.subplots(figsize=(10, 0.45 * len(judged) + 1.6), layout="constrained")
    colours = [REACHED if outcome.reached else MISSED for outcome in judged]
    axes.barh(range(len(judged)), shares, color=colours, height=0.6)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(judged)), [outcome.measure for outcome in judged], fontsize=8)
    for place, (share, outcome) in enumerate(zip(shares, judged, strict=True)):
        text = f" {outcome.written(outcome.figure)} ({outcome.goal_text})"
        axes.text(share, place, text, va="center", fontsize=8, bbox=UNDER_TEXT)
    axes.set_xlim(0, max([*shares, 1.0]) * 1.35)
    axes.set_xlabel("share of the goal: left of the line is reached")
    axes.set_title(f"{sizes.name} sizes; {where}", fontsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=130)


def _share(outcome: Outcome) -> float:
    assert outcome.goal is not None
    share = outcome.figure / outcome.goal.limit
    return 1 / share if outcome.goal.at_least else share
