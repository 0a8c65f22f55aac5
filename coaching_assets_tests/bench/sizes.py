"""How large a run of the benchmark is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Monologues, unless said otherwise; one of the sample's scale 1 has about 20,000.

    `memory`, `changed`, `loads` and `context` are pairs of few and many.
    """

    name: str
    first: int
    recipes: int
    changed: tuple[int, int]
    changes: int
    memory: tuple[int, int]
    loads: tuple[int, int]
    """Loads of each table."""
    context: tuple[int, int]
    """Rows of call_context_integration."""
    repetitions: int
    """Of what takes seconds; what takes minutes is measured once."""


SIZES = {
    sizes.name: sizes
    for sizes in (
        Sizes(
            "full",
            first=1_000_000,
            recipes=200_000,
            changed=(100_000, 3_000_000),
            changes=1_000,
            memory=(300_000, 3_000_000),
            loads=(100, 50_000),
            context=(5_000, 5_000_000),
            repetitions=7,
        ),
        Sizes(
            "quick",
            first=60_000,
            recipes=10_000,
            changed=(20_000, 200_000),
            changes=1_000,
            memory=(100_000, 400_000),
            loads=(100, 10_000),
            context=(5_000, 200_000),
            repetitions=2,
        ),
    )
}
