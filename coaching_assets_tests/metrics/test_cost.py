"""The metrics of the bytes that BigQuery read and billed."""

from datetime import UTC, datetime, timedelta

import pytest

from coaching_assets.metrics.cost import cost_metrics
from coaching_assets_tests.support.deployment import Database
from coaching_assets_tests.support.spending import spend

Samples = dict[tuple[str, ...], float]


def samples(database: Database) -> Samples:
    with database.connect() as connection:
        families = list(cost_metrics(connection, database.settings))
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


@pytest.mark.parametrize(("limit", "expected"), [("", None), ("0", None), ("5000", 5_000.0)])
def test_bytes_are_counters_by_table_activity_and_kind(
    database: Database, monkeypatch: pytest.MonkeyPatch, limit: str, expected: float | None
) -> None:
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", limit)
    assert samples(database) == {}, "before the first sync"
    now = datetime.now(UTC)
    spend(database, 100, now, table="call", kind="query", read=90)
    spend(database, 7, now, table="call", kind="whole read", read=7)
    spend(database, 30, now - timedelta(days=70), table="call", kind="query", read=20)
    spend(database, 5, now, table="users", kind="filtered read", read=1)
    found = samples(database)
    billed = "coaching_bigquery_bytes_billed_total"
    assert found[billed, "gongio_ft.call", "sync", "query"] == 130
    assert found[billed, "gongio_ft.call", "sync", "whole read"] == 7
    assert found["coaching_bigquery_bytes_read_total", "gongio_ft.users", "sync", "filtered read"] == 1
    assert found["coaching_bigquery_requests_total", "gongio_ft.call", "sync", "query"] == 2
    assert found["coaching_bigquery_bytes_billed_today",] == 112
    assert found.get(("coaching_bigquery_daily_bytes",)) == expected
