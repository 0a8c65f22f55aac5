"""How large a run of the benchmark is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Monologues, unless said otherwise; one of the sample's scale 1 has about 20,000.

    `memory` and `changed` are pairs of a small and a large table.
    """

    name: str
    first: int
    recipes: int
    changed: tuple[int, int]
    changes: int
    memory: tuple[int, int]
    repetitions: int
    """Of what takes seconds; what takes minutes is measured once."""


SIZES = {
    sizes.name: sizes
    for sizes in (
        Sizes("full", 1_000_000, 200_000, (100_000, 3_000_000), 1_000, (300_000, 3_000_000), 7),
        Sizes("quick", 60_000, 10_000, (20_000, 200_000), 1_000, (100_000, 400_000), 2),
    )
}
