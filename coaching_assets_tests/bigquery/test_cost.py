"""The meter of a connection sums usages, hands them over once, and keeps an allowance."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from coaching_assets.bigquery.cost import FIGURES, Meter, Usage


def usage(table: str = "call", billed: int = 1, **figures: int) -> Usage:
    return Usage("gongio_ft", table, "whole read", bytes_billed=billed, **figures)


def test_usages_of_the_same_table_and_kind_are_summed_and_taken_once() -> None:
    meter = Meter()
    meter.add(usage("call", 10, rows=1, bytes_read=3))
    meter.add(Usage("gongio_ft", "call", "query", bytes_billed=7))
    meter.add(usage("call", 5, requests=1, bytes_estimated=4))
    meter.add(usage("account", 1))
    assert [(u.table, u.kind, u.bytes_billed) for u in meter.take()] == [
        ("account", "whole read", 1),
        ("call", "query", 7),
        ("call", "whole read", 15),
    ]
    assert not meter.is_pending
    assert meter.take() == []
    total = meter.total("gongio_ft", "call")
    assert [getattr(total, name) for name in FIGURES] == [1, 1, 4, 3, 22], "taking does not change the total"
    assert meter.total("gongio_ft", "users").bytes_billed == 0


def test_usages_that_could_not_be_recorded_are_taken_again() -> None:
    meter = Meter()
    meter.add(usage(billed=10))
    taken = meter.take()
    meter.add(usage(billed=2))
    meter.put_back(taken)
    assert [u.bytes_billed for u in meter.take()] == [12]
    assert meter.total("gongio_ft", "call").bytes_billed == 12


@pytest.mark.parametrize(("allowed", "spent", "left"), [(100, [], 100), (100, [30, 20], 50), (100, [90, 90], 0)])
def test_what_is_billed_reduces_the_allowance(allowed: int, spent: list[int], left: int) -> None:
    meter = Meter()
    meter.add(usage(billed=1_000))
    assert meter.allowance is None
    meter.allow(allowed)
    for billed in spent:
        meter.add(usage(billed=billed))
    assert meter.allowance == left
    meter.allow(None)
    assert meter.allowance is None


def test_a_listener_that_fails_does_not_end_the_read() -> None:
    meter = Meter()
    seen: list[list[Usage]] = []
    meter.listen(lambda given: seen.append(given.take()))
    meter.add(usage(billed=3))
    assert [u.bytes_billed for u in seen[0]] == [3]

    def fail(given: Meter) -> None:
        raise OSError("the connection is lost")

    meter.listen(fail)
    meter.add(usage(billed=4))
    meter.listen(None)
    assert [u.bytes_billed for u in meter.take()] == [4]


def test_threads_share_a_meter() -> None:
    meter = Meter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: meter.add(usage(f"table{number % 3}", 2)), range(300)))
    assert [u.bytes_billed for u in meter.take()] == [200, 200, 200]
