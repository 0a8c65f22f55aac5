"""The daily limit: what each share of it stops, and what the operator reads."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from math import ceil

import pytest
from psycopg2.extensions import connection as Connection

from coaching_assets.bigquery.cost import Meter, Usage
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.replica.budget import Budget, Level, read_budget
from coaching_assets.replica.usage import record_usage
from coaching_assets.settings import SettingError, load_settings
from coaching_assets_tests.support.deployment import Database

DAY = date(2026, 11, 26)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connected:
        ensure_schema(connected)
        yield connected


def recorded(connection: Connection, table: str, billed: int, at: datetime) -> None:
    meter = Meter()
    meter.add(Usage("gongio_ft", table, "whole read", bytes_billed=billed))
    record_usage(connection, meter, at)


@pytest.mark.parametrize("limit", [1_000, 10 * 1024**2, 3 * 1024**4])
@pytest.mark.parametrize(
    ("share", "level", "is_hourly", "is_essential_only"),
    [
        (0.0, "within", False, False),
        (0.799, "within", False, False),
        (0.8, "near", False, False),
        (0.899, "near", False, False),
        (0.9, "hourly", True, False),
        (0.999, "hourly", True, False),
        (1.0, "essential", True, True),
        (7.5, "essential", True, True),
    ],
)
def test_each_share_stops_more(
    limit: int, share: float, level: Level, is_hourly: bool, is_essential_only: bool
) -> None:
    billed = ceil(limit * share)
    budget = Budget(limit, billed, DAY)
    assert (budget.level, budget.is_hourly, budget.is_essential_only) == (level, is_hourly, is_essential_only)
    assert budget.remaining == max(limit - billed, 0)
    assert bool(budget.sentence) == (level != "within")


@pytest.mark.parametrize(
    ("billed", "expected"),
    [
        (85, "85% of BIGQUERY_DAILY_BYTES (100 Bytes); at 90%, changes wait for the hourly sync;"),
        (93, "so changes wait for the hourly sync until 00:00 UTC or until you raise the limit."),
        (250, "250% of BIGQUERY_DAILY_BYTES (100 Bytes), so changes wait for the hourly sync, and the reconciliation"),
    ],
)
def test_the_sentence_says_what_waits(billed: int, expected: str) -> None:
    sentence = Budget(100, billed, DAY).sentence
    assert expected in sentence
    assert sentence.count(". ") == 0, "one sentence"


@pytest.mark.parametrize("limit", ["", "0"])
def test_without_a_limit_nothing_waits(connection: Connection, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", limit)
    recorded(connection, "call", 10**15, datetime.now(UTC))
    budget = read_budget(connection, load_settings())
    assert (budget.limit, budget.level, budget.remaining, budget.sentence) == (None, "within", None, "")


@pytest.mark.parametrize("limit", ["-1", "1 GB", "1.5"])
def test_a_wrong_limit_is_named(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", limit)
    with pytest.raises(SettingError, match="BIGQUERY_DAILY_BYTES"):
        load_settings()


@pytest.mark.parametrize("offset", [0, 14, -11])
def test_only_the_current_day_in_utc_counts(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, offset: int
) -> None:
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", "1000")
    midnight = datetime(2026, 11, 26, tzinfo=UTC)
    recorded(connection, "call", 5_000, midnight - timedelta(seconds=1))
    recorded(connection, "call", 500, midnight)
    recorded(connection, "transcript", 350, midnight + timedelta(hours=23, minutes=59))
    here = timezone(timedelta(hours=offset))
    for now, billed in (
        (midnight - timedelta(minutes=1), 5_000),
        (midnight, 850),
        (midnight + timedelta(hours=23, minutes=59), 850),
        (midnight + timedelta(days=1), 0),
    ):
        budget = read_budget(connection, load_settings(), now.astimezone(here))
        assert (budget.billed, budget.day) == (billed, now.date())
