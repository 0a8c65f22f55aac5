"""`coaching status --cost`: what BigQuery read and billed, and what that costs."""

from datetime import UTC, datetime

import pytest

from coaching_assets.cli.cost import print_cost
from coaching_assets.cli.terminal import console
from coaching_assets_tests.support.deployment import Database
from coaching_assets_tests.support.processes import coaching
from coaching_assets_tests.support.spending import spend

TIB = 1024**4
NOW = datetime(2026, 11, 26, 23, 59, tzinfo=UTC)


def printed(database: Database, now: datetime = NOW) -> str:
    with console.capture() as captured:
        print_cost(database.settings, now)
    return captured.get()


def test_before_the_first_sync_nothing_was_billed(database: Database) -> None:
    assert "has billed nothing this month" in printed(database)


@pytest.mark.parametrize(
    ("environment", "listed", "after_free"),
    [
        ({}, "$20.95", "$12.50"),
        ({"BIGQUERY_QUERY_PRICE": "10", "BIGQUERY_READ_PRICE": "0"}, "$30.00", "$20.00"),
        ({"BIGQUERY_FREE_QUERY_TIB": "0", "BIGQUERY_FREE_READ_TIB": "1"}, "$20.95", "$19.85"),
    ],
)
def test_the_sums_of_the_month_have_a_price(
    database: Database, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], listed: str, after_free: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    spend(database, 3 * TIB, datetime(2026, 11, 1, tzinfo=UTC), table="transcript", kind="query")
    spend(database, 1 * TIB, NOW, table="call", kind="filtered read", read=2048)
    spend(database, TIB, NOW, table="call", kind="whole read")
    spend(database, 900 * TIB, datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), table="users", kind="query")
    text = printed(database)
    assert "users" not in text, "of another month"
    assert f"{listed} at list prices" in " ".join(text.split())
    assert f"that nothing else uses: {after_free}" in " ".join(text.split())
    line = next(line for line in text.splitlines() if "filtered read" in line)
    assert [word for word in line.split() if word[0].isdigit()] == ["1", "0", "2.0", "1.0", "1.0"]
    assert "Today: 2.0 TiB billed" in text


@pytest.mark.parametrize(
    ("limit", "words"),
    [("", "sets no limit"), (str(10 * TIB), "10% of BIGQUERY_DAILY_BYTES (10.0 TiB)"), ("9", "wait")],
)
def test_the_day_is_compared_with_the_limit(
    database: Database, monkeypatch: pytest.MonkeyPatch, limit: str, words: str
) -> None:
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", limit)
    spend(database, TIB, NOW)
    assert words in " ".join(printed(database).split())


@pytest.mark.slow
def test_the_command_prints_it(database: Database) -> None:
    spend(database, TIB)
    result = coaching("status", "--cost")
    assert result.returncode == 0
    assert "gongio_ft.call" in result.stdout
