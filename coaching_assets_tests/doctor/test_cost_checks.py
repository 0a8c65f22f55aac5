"""The doctor's advice on cost: the daily limit, and clustering where filtered reads scan far more than they receive."""

from datetime import UTC, datetime, timedelta

import pytest

from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.doctor.cost_checks import check_cost, recommend_clustering, scans_much
from coaching_assets.replica.usage import Bytes
from coaching_assets_tests.support.deployment import Database, Deployment
from coaching_assets_tests.support.spending import spend

MIB, GIB = 1024**2, 1024**3


@pytest.mark.parametrize(
    ("kind", "billed", "read", "expected"),
    [
        ("filtered read", 20 * GIB, 30 * MIB, True),
        ("filtered read", 20 * GIB, 0, True),
        ("filtered read", 20 * GIB, 2 * GIB, True),
        ("filtered read", 20 * GIB, 3 * GIB, False),
        ("filtered read", GIB - 1, 0, False),
        ("whole read", 20 * GIB, 30 * MIB, False),
        ("query", 20 * GIB, 30 * MIB, False),
    ],
)
def test_only_filtered_reads_that_scan_much_count(kind: str, billed: int, read: int, expected: bool) -> None:
    assert scans_much(Bytes("gongio_ft.call", "sync", kind, 9, 9, billed, read, billed)) == expected


@pytest.mark.parametrize(("project", "table"), [("acme", "transcript"), ("acme-prod", "call"), ("x", "odd name")])
def test_the_advice_names_the_table_the_bytes_and_the_statements(project: str, table: str) -> None:
    description = TableDescription(project, "gongio_ft", table, "TABLE", (), 1, 1, None)
    entry = Bytes(f"gongio_ft.{table}", "sync", "filtered read", 700, 9, 12 * GIB, 30 * MIB, 12 * GIB)
    finding = recommend_clustering(entry, description)
    assert finding.state == "warning"
    assert finding.message == f"gongio_ft.{table}: reads of new rows scanned 12.0 GiB in 30 days and received 30.0 MiB"
    name = f"`{project}`.`gongio_ft`"
    assert (
        f"CREATE TABLE {name}.`{table}_clustered` CLUSTER BY `_fivetran_synced` AS SELECT * FROM {name}.`{table}`;"
        f" DROP TABLE {name}.`{table}`; ALTER TABLE {name}.`{table}_clustered` RENAME TO `{table}`;"
    ) in finding.remedy


@pytest.mark.parametrize(
    ("limit", "billed", "state", "words"),
    [
        ("", 10, "ok", "sets no limit"),
        ("1000", 10, "ok", "1% of BIGQUERY_DAILY_BYTES"),
        ("1000", 850, "warning", "85% of BIGQUERY_DAILY_BYTES"),
        ("1000", 5_000, "warning", "the reconciliation"),
    ],
)
def test_the_daily_limit_is_reported(
    database: Database, monkeypatch: pytest.MonkeyPatch, limit: str, billed: int, state: str, words: str
) -> None:
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", limit)
    spend(database, billed)
    (finding,) = check_cost(database.settings)
    assert (finding.state, words in finding.message) == (state, True)


def test_clustering_is_recommended_for_existing_tables_only(synced: Deployment) -> None:
    now = datetime.now(UTC)
    spend(synced, 5 * GIB, table="transcript", kind="filtered read", read=MIB)
    spend(synced, 5 * GIB, table="gone", kind="filtered read", read=MIB)
    spend(synced, 5 * GIB, now - timedelta(days=40), table="users", kind="filtered read", read=MIB)
    spend(synced, 5 * GIB, table="call", kind="query", read=MIB)
    advised = [finding for finding in check_cost(synced.settings) if "scanned" in finding.message]
    assert [finding.message.partition(":")[0] for finding in advised] == ["gongio_ft.transcript"]
