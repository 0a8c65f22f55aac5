"""What a measurement says: a figure beside its goal."""

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal

Kind = Literal["ratio", "percent", "seconds", "count"]


@dataclass(frozen=True)
class Goal:
    """A figure that is to be reached: at most so much, or at least."""

    limit: float
    at_least: bool = False

    def reached(self, figure: float) -> bool:
        """Whether the figure is as good as that."""
        return figure >= self.limit if self.at_least else figure <= self.limit


@dataclass(frozen=True)
class Outcome:
    """One line of the benchmark's table; `parts` are the absolute figures that it was made of, by name."""

    measure: str
    figure: float
    kind: Kind
    goal: Goal | None = None
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        return None if self.goal is None else self.goal.reached(self.figure)

    def as_json(self) -> dict[str, Any]:
        """For the JSON file."""
        return asdict(self) | {"reached": self.reached}

    def written(self, value: float) -> str:
        """A figure of this kind, for people."""
        if self.kind == "ratio":
            return f"{value:.2f} ×" if value < 20 else f"{value:,.0f} ×"
        if self.kind == "percent":
            return f"{100 * value:.0f} %"
        return f"{value:.2f} s" if self.kind == "seconds" else f"{value:,.0f}"

    @property
    def goal_text(self) -> str:
        """The goal, for people."""
        if self.goal is None:
            return ""
        return f"at {'least' if self.goal.at_least else 'most'} {self.written(self.goal.limit)}"


def of_pairs(measure: str, pairs: list[tuple[float, float]], goal: Goal, names: tuple[str, str]) -> Outcome:
    """Return the median ratio of pairs that were measured by turns, so that both have the same load on the machine."""
    parts = {name: median(pair[place] for pair in pairs) for place, name in enumerate(names)}
    return Outcome(measure, median(one / other for one, other in pairs), "ratio", goal, parts)
