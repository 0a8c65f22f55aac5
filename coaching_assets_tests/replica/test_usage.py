"""Bytes are summed per run, and per day and month in UTC; old sums are deleted."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from psycopg2.extensions import connection as Connection

from coaching_assets.bigquery.cost import Kind, Meter, Usage
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.replica.usage import billed, prune_usage, read_usage, record_usage
from coaching_assets_tests.support.deployment import Database

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connected:
        ensure_schema(connected)
        yield connected


def recorded(
    connection: Connection,
    at: datetime,
    *,
    table: str = "call",
    kind: Kind = "whole read",
    run: str = "r",
    **figures: int,
) -> None:
    meter = Meter()
    meter.run = run
    meter.add(Usage("gongio_ft", table, kind, **figures))
    record_usage(connection, meter, at)
    assert meter.take() == []


def test_a_usage_is_added_to_the_run_the_day_and_the_month(connection: Connection, database: Database) -> None:
    recorded(connection, NOON, run="one", rows=2, bytes_billed=10, bytes_read=7, requests=1, bytes_estimated=9)
    recorded(connection, NOON, run="two", rows=1, bytes_billed=5)
    recorded(connection, NOON + timedelta(days=1), run="two", kind="query", bytes_billed=100)
    recorded(connection, NOON + timedelta(days=30), run="three", table="transcript", bytes_billed=1_000)
    rows = database.query(
        "select period, name, table_name, kind, bytes_billed from coaching_sync.bigquery_bytes order by 1, 2, 3, 4"
    )
    assert rows == [
        ("day", "2026-11-26", "gongio_ft.call", "whole read", 15),
        ("day", "2026-11-27", "gongio_ft.call", "query", 100),
        ("day", "2026-12-26", "gongio_ft.transcript", "whole read", 1_000),
        ("month", "2026-11", "gongio_ft.call", "query", 100),
        ("month", "2026-11", "gongio_ft.call", "whole read", 15),
        ("month", "2026-12", "gongio_ft.transcript", "whole read", 1_000),
        ("run", "one", "gongio_ft.call", "whole read", 10),
        ("run", "three", "gongio_ft.transcript", "whole read", 1_000),
        ("run", "two", "gongio_ft.call", "query", 100),
        ("run", "two", "gongio_ft.call", "whole read", 5),
    ]
    (november,) = [s for s in read_usage(connection, "month", date(2026, 11, 1), date(2026, 11, 30)) if not s.is_query]
    assert (november.requests, november.rows, november.bytes_estimated, november.bytes_read) == (1, 3, 9, 7)
    assert billed(read_usage(connection, "month", date.min)) == billed(read_usage(connection, "day", date.min)) == 1_115


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kathmandu"])
def test_a_day_is_one_in_utc(connection: Connection, zone: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select set_config('timezone', %s, false)", (zone,))
    for at, day in (
        (datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), "2026-11-30"),
        (datetime(2026, 12, 1, 0, 0, tzinfo=UTC), "2026-12-01"),
        (datetime(2026, 12, 1, 13, 30, tzinfo=timezone(timedelta(hours=14))), "2026-11-30"),
        (datetime(2026, 11, 30, 17, 0, tzinfo=timezone(timedelta(hours=-8))), "2026-12-01"),
    ):
        recorded(connection, at, table=f"at_{day}", bytes_billed=1)
        start = date.fromisoformat(day)
        assert f"gongio_ft.at_{day}" in {entry.table for entry in read_usage(connection, "day", start, start)}
    assert billed(read_usage(connection, "day", date(2026, 11, 30), date(2026, 11, 30))) == 2
    assert billed(read_usage(connection, "month", date(2026, 12, 1))) == 2


def test_old_sums_are_deleted(connection: Connection, database: Database) -> None:
    now = datetime.now(UTC)
    for days in (0, 29, 31, 399, 402, 2_000):
        recorded(connection, now - timedelta(days=days), run=str(days), bytes_billed=1)
    prune_usage(connection)
    kept = database.query("select period, count(*) from coaching_sync.bigquery_bytes group by 1 order by 1")
    months = {(now - timedelta(days=days)).strftime("%Y-%m") for days in (0, 29, 31, 399, 402)}
    assert kept == [("day", 4), ("month", len(months)), ("run", 2)]


def test_a_failed_statement_keeps_the_usages(connection: Connection, database: Database) -> None:
    meter = Meter()
    meter.add(Usage("gongio_ft", "call", "query", bytes_billed=8))
    with database.connect() as lost:
        lost.close()
        with pytest.raises(Exception, match="closed"):
            record_usage(lost, meter, NOON)
    record_usage(connection, meter, NOON)
    record_usage(connection, meter, NOON)
    assert billed(read_usage(connection, "day", NOON.date())) == 8


def test_a_database_of_an_older_release_has_no_sums(database: Database) -> None:
    with database.connect() as connected:
        assert read_usage(connected, "day", date.min) == []
