"""The size of the next batch follows the time of the last one, if that locked rows that others see."""

import pytest

from coaching_assets.publish.pace import FIRST_BATCH, Pace

MOST, SECONDS = 1000, 2.0

BATCHES = {
    # aggregates, seconds, whether it locked rows, the next size
    "quick": (50, 0.1, True, 100),
    "quick and small": (3, 0.1, True, 6),
    "exactly in time": (400, 2.0, True, 400),
    "half the time": (400, 1.0, True, 800),
    "too slow": (400, 8.0, True, 100),
    "far too slow": (4, 60.0, True, 1),
    "one aggregate that is too slow": (1, 60.0, True, 1),
    "never more than the limit": (900, 0.1, True, MOST),
    "slow, but insertions alone": (400, 60.0, False, 800),
    "insertions up to the limit": (900, 60.0, False, MOST),
}


@pytest.mark.parametrize(("aggregates", "seconds", "locks", "size"), BATCHES.values(), ids=BATCHES.keys())
def test_the_next_batch(aggregates: int, seconds: float, locks: bool, size: int) -> None:
    pace = Pace(MOST, SECONDS)
    pace.adjust(aggregates, seconds, locks=locks)
    assert pace.size == size


@pytest.mark.parametrize(("most", "size"), [(MOST, FIRST_BATCH), (10, 10), (FIRST_BATCH, FIRST_BATCH)])
def test_the_first_batch(most: int, size: int) -> None:
    assert Pace(most, SECONDS).size == size


def test_quick_batches_reach_the_limit_in_a_few_steps() -> None:
    pace = Pace(MOST, SECONDS)
    sizes = [pace.size]
    while pace.size < MOST:
        pace.adjust(pace.size, 0.01, locks=True)
        sizes.append(pace.size)
    assert sizes == [50, 100, 200, 400, 800, 1000]
