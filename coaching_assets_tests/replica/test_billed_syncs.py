"""Behind the front server, which bills as BigQuery does: what syncs and reconciliations record, and where they stop."""

import grpc
import pytest

from coaching_assets.demo.sample import Sample, generate
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets_tests.faults.read_api import STORAGE, ReadFault, read_api
from coaching_assets_tests.front.billing import MIB, Billing, sizes_of
from coaching_assets_tests.front.server import Front
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited
from coaching_assets_tests.support.spending import forget_spending, spent

pytestmark = [pytest.mark.slow, pytest.mark.representatives(1)]


@pytest.fixture
def sample() -> Sample:
    return generate(0.02)


@pytest.fixture
def billing(front: Front, fronted: Deployment, sample: Sample) -> Billing:
    datasets = fronted.settings.datasets
    tables = {f"{datasets[source]}.{name}": table.rows for (source, name), table in sample.tables.items()}
    fronted.load(sample)
    return front.add(Billing(sizes_of(tables)))


@pytest.mark.parametrize("key", [("gong", "users"), ("gong", "transcript"), ("salesforce", "account")])
def test_a_changed_row_bills_the_whole_unclustered_table(
    fronted: Deployment, billing: Billing, sample: Sample, key: tuple[str, str]
) -> None:
    assert fronted.sync().failures == ()
    whole = {name: sum(sizes.values()) for name, sizes in billing.sizes.items()}
    assert {table: billed for (table, *_), (_, _, billed) in spent(fronted).items()} == whole
    forget_spending(fronted)
    row = sample[key].rows.slice(0, 1).to_pylist()[0]
    fronted.load(edited(sample, key, {"id" if "id" in row else "call_id": row.get("id", row.get("call_id"))}))
    assert fronted.sync().failures == ()
    name = f"{fronted.settings.datasets[key[0]]}.{key[1]}"
    (((table, activity, kind), (_, rows, billed)),) = spent(fronted).items()
    assert (table, activity, kind) == (name, "sync", "filtered read")
    assert billed >= whole[name]
    assert rows > 0


@pytest.mark.parametrize("tables", [1, 4, 9])
def test_the_reconciliation_stops_where_the_day_has_no_bytes_left(
    fronted: Deployment, billing: Billing, monkeypatch: pytest.MonkeyPatch, tables: int
) -> None:
    """Each query bills at least 10 MiB: https://cloud.google.com/bigquery/pricing#on_demand_pricing"""
    assert fronted.sync().failures == ()
    forget_spending(fronted)
    limit = tables * 10 * MIB + 1
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", str(limit))
    result = reconcile(fronted.settings)
    states = [comparison.state for comparison in result.comparisons.values()]
    assert states == ["compared"] * tables + ["postponed"] * (len(states) - tables)
    reasons = [c.reason or "" for c in result.comparisons.values() if c.state == "postponed"]
    assert all("BIGQUERY_DAILY_BYTES leaves 1 today" in reason for reason in reasons)
    assert sum(billed for _, _, billed in spent(fronted).values()) == limit - 1
    again = reconcile(fronted.settings)
    assert {comparison.state for comparison in again.comparisons.values()} == {"postponed"}


@pytest.mark.parametrize(
    "damage",
    [
        "select 1",
        "delete from gongio_ft.email where id in (select id from gongio_ft.email limit 1)",
        "delete from gongio_ft.call; delete from gongio_ft.transcript",
    ],
)
def test_every_query_of_a_reconciliation_and_its_repair_is_recorded(
    fronted: Deployment, billing: Billing, damage: str
) -> None:
    assert fronted.sync().failures == ()
    billing.billed.clear()
    forget_spending(fronted)
    fronted.query(damage)
    reconcile(fronted.settings, repair=True, force=True)
    queries = {key: figures for key, figures in spent(fronted).items() if key[2] == "query"}
    assert {activity for _, activity, _ in queries} == {"reconciliation"}
    assert sum(billed for _, _, billed in queries.values()) == sum(billing.billed.values()) > 0
    assert sum(requests for requests, _, _ in queries.values()) == len(billing.billed)


@pytest.mark.parametrize("table", ["transcript", "email", "email_recipient"])
def test_a_read_that_fails_is_billed_all_the_same(
    fronted: Deployment, billing: Billing, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    host = str(fronted.settings.bigquery_storage_emulator_host)
    with read_api(host) as (api, address):
        monkeypatch.setenv(STORAGE, address)
        api.faults.append(ReadFault(table, grpc.StatusCode.INVALID_ARGUMENT, after=1, times=99))
        assert not fronted.sync().success
    name = f"gongio_ft.{table}"
    requests, _, billed = spent(fronted)[name, "sync", "whole read"]
    assert requests >= 1
    assert billed == requests * sum(billing.sizes[name].values())
