"""What each test broke and what became of it, and the table of it at the end."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

PROPERTY = "trial"
"""Under which name a test's report carries its trial, also from another process."""

HEADINGS = ("fault", "injected", "recovered", "rows lost", "rows doubled", "longest wait of the application")


@dataclass
class Trial:
    """One test's fault: how often it struck, and whether everything was as it should be afterwards."""

    fault: str
    injected: int = 1
    recovered: bool = False
    rows_lost: int = 0
    rows_doubled: int = 0
    longest_wait: float | None = None
    """Seconds that a statement of the application waited for a lock; None where no application was at work."""

    def judge(self, problems: Iterable[str]) -> None:
        """Take what differs from the oracle, in its words; nothing does where the fault healed."""
        lines = list(problems)
        self.recovered = not lines
        self.rows_lost = sum(": missing" in line or ": gone" in line for line in lines)
        self.rows_doubled = sum(": extra" in line for line in lines)

    def as_property(self) -> tuple[str, object]:
        """For `user_properties` of a test."""
        return PROPERTY, asdict(self)


def trials_in(reports: Iterable[object]) -> Iterator[Trial]:
    """The trials that tests reported."""
    for report in reports:
        for name, values in getattr(report, "user_properties", ()):
            if name == PROPERTY:
                yield Trial(**values)


def table(trials: Iterable[Trial]) -> list[str]:
    """A line a fault, in columns."""
    by_fault: defaultdict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_fault[trial.fault].append(trial)
    rows = [HEADINGS, *(_line(fault, by_fault[fault]) for fault in sorted(by_fault))]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]
    return [
        "| "
        + " | ".join(cell.ljust(width) if place == 0 else cell.rjust(width) for place, (cell, width) in cells)
        + " |"
        for cells in _with_rule(rows, widths)
    ]


def _with_rule(rows: list[tuple[str, ...]], widths: list[int]) -> Iterator[list[tuple[int, tuple[str, int]]]]:
    rule = tuple("-" * width if place == 0 else "-" * (width - 1) + ":" for place, width in enumerate(widths))
    for row in (rows[0], rule, *rows[1:]):
        yield list(enumerate(zip(row, widths, strict=True)))


def _line(fault: str, trials: list[Trial]) -> tuple[str, ...]:
    waits = [trial.longest_wait for trial in trials if trial.longest_wait is not None]
    return (
        fault,
        str(sum(trial.injected for trial in trials)),
        f"{sum(trial.recovered for trial in trials)} of {len(trials)}",
        str(sum(trial.rows_lost for trial in trials)),
        str(sum(trial.rows_doubled for trial in trials)),
        f"{max(waits):.2f} s" if waits else "",
    )
