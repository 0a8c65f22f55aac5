"""The cost of a month: the arithmetic, the sizes that it starts from, and the table of the documentation."""

from pathlib import Path

import pytest

from coaching_assets.bigquery.cost import MINIMUM_QUERY_BYTES
from coaching_assets.bigquery.prices import BYTES_PER_CALL, TIB, Prices, Size, estimate_month
from coaching_assets.demo.sample import generate
from coaching_assets.settings import Settings
from coaching_assets_tests.front.billing import stored_bytes

PAGE = Path(__file__).parents[2] / "docs" / "cost.md"
GOOGLE = Prices(query=6.25, read=1.1, free_query_tib=1, free_read_tib=300)
SIZES = {"small": 10_000, "medium": 200_000, "large": 5_000_000}


@pytest.mark.slow
def test_the_sizes_per_call_are_those_of_the_sample() -> None:
    sample = generate(1.0)
    calls = len(set(sample["gong", "call"].rows["id"].to_pylist()))
    measured = {
        f"{source}.{name}": sum(map(stored_bytes, table.rows.columns)) / calls
        for (source, name), table in sample.tables.items()
    }
    assert {name: round(size) for name, size in measured.items()} == pytest.approx(
        dict(BYTES_PER_CALL), rel=0.02, abs=1
    )


@pytest.mark.parametrize(
    ("query_tib", "read_tib", "listed", "month"),
    [(0, 0, 0, 0), (1, 300, 336.25, 0), (3, 10, 29.75, 12.5), (0.5, 400, 443.125, 110), (11, 310, 409.75, 73.5)],
)
def test_free_bytes_are_subtracted_from_each_kind(
    query_tib: float, read_tib: float, listed: float, month: float
) -> None:
    bytes_ = {"query_bytes": int(query_tib * TIB), "read_bytes": int(read_tib * TIB)}
    assert GOOGLE.list_price(**bytes_) == pytest.approx(listed)
    assert GOOGLE.month(**bytes_) == pytest.approx(month)


def test_the_settings_have_googles_list_prices() -> None:
    assert Prices.of(Settings()) == GOOGLE


@pytest.mark.parametrize("calls", [100, 10_000, 3_000_000])
def test_a_sync_scans_whole_tables_unless_they_are_clustered(calls: int) -> None:
    tables = sum(Size(calls).table_bytes.values())
    assert estimate_month(Size(calls, loads_per_day=24)).sync_bytes == tables * 24 * 30
    assert estimate_month(Size(calls, loads_per_day=1), days=31).sync_bytes == tables * 31
    hours = 6 + 1
    clustered = estimate_month(Size(calls, days_of_calls=365, clustered=True)).sync_bytes
    assert clustered == pytest.approx(tables * 24 * 30 * hours / (365 * 24), abs=1)


@pytest.mark.parametrize(("calls", "is_minimum"), [(1, True), (10_000_000, False)])
def test_each_query_of_the_reconciliation_bills_a_minimum(calls: int, is_minimum: bool) -> None:
    billed = estimate_month(Size(calls)).reconciliation_bytes
    minimum = MINIMUM_QUERY_BYTES * len(BYTES_PER_CALL) * 30
    assert (billed == minimum) == is_minimum
    assert billed >= minimum


def rows() -> list[str]:
    """The table of the page."""
    lines = []
    for name, calls in SIZES.items():
        gib = sum(Size(calls).table_bytes.values()) / 1024**3
        plain, clustered = (estimate_month(Size(calls, clustered=clustered)) for clustered in (False, True))
        figures = [
            f"{gib:,.1f} GiB",
            f"{plain.sync_bytes / TIB:,.2f} TiB",
            f"{clustered.sync_bytes / TIB:,.2f} TiB",
            f"{plain.reconciliation_bytes / TIB:,.2f} TiB",
            f"${plain.list_price(GOOGLE):,.2f}",
            f"${clustered.list_price(GOOGLE):,.2f}",
            f"${plain.cost(GOOGLE):,.2f}",
        ]
        lines.append(f"| {name} | {calls:,} | {' | '.join(figures)} |")
    return lines


def test_the_page_shows_what_a_month_costs() -> None:
    page = PAGE.read_text()
    assert [row for row in rows() if row not in page] == []
