"""Tables that BigQuery restricts: partition filters, policy tags, and kinds that it does not store."""

from pathlib import Path

import pytest

from coaching_assets.bigquery import connect
from coaching_assets.demo.sample import generate
from coaching_assets.doctor.bigquery_checks import check_bigquery
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets_tests.front.behaviour import TableName
from coaching_assets_tests.front.partition_filter import RequiredFilter
from coaching_assets_tests.front.policy_tags import PolicyTag
from coaching_assets_tests.front.server import Front
from coaching_assets_tests.front.table_kinds import clone_of, external, snapshot_of
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited, found_differences, later

pytestmark = [pytest.mark.slow, pytest.mark.representatives(2)]


def test_tables_that_demand_a_filter_are_synced_and_compared(front: Front, fronted: Deployment, tmp_path: Path) -> None:
    """https://cloud.google.com/bigquery/docs/querying-partitioned-tables#require_a_partition_filter_in_queries"""
    front.add(RequiredFilter("gongio_ft", "call", {"timePartitioning": {"type": "DAY"}}))
    front.add(
        RequiredFilter("gongio_ft", "transcript", {"timePartitioning": {"type": "DAY", "field": "_fivetran_synced"}})
    )
    numbers = {"field": "duration", "range": {"start": "0", "end": "1000", "interval": "10"}}
    front.add(RequiredFilter("gongio_ft", "email", {"timePartitioning": {"type": "MONTH", "field": "sent_at"}}))
    front.add(RequiredFilter("salesforce_ft", "account", {"rangePartitioning": {**numbers, "field": "name"}}))
    sample = generate(0.02)
    fronted.load(sample)
    assert fronted.sync().failures == ()
    changed = edited(sample, ("gong", "call"), {}, title="Renamed")
    fronted.load(changed)
    assert fronted.sync().failures == ()
    assert found_differences(fronted, changed, tmp_path) == []
    assert reconcile(fronted.settings).is_equal


@pytest.mark.parametrize(
    ("table", "column"),
    [("gongio_ft.call", "purpose"), ("gongio_ft.users", "title"), ("salesforce_ft.account", "industry")],
)
def test_a_column_that_may_not_be_read_does_not_cost_the_table(
    front: Front, fronted: Deployment, table: str, column: str
) -> None:
    """https://cloud.google.com/bigquery/docs/column-level-security-intro#queries"""
    dataset, _, name = table.partition(".")
    front.add(PolicyTag(dataset, name, (column,)))
    fronted.load(generate(0.02))
    assert fronted.sync().failures == ()
    assert fronted.query(f"select count(*) > 0 from {table}") == [(True,)]
    result = reconcile(fronted.settings)
    assert result.is_equal
    (compared,) = (found for found in result.comparisons.values() if found.name == table)
    assert column in compared.left_out
    findings = {finding.message: finding for finding in check_bigquery(fronted.settings)}
    finding = findings[f"Policy tags keep columns of {table} from the account: {column}"]
    assert finding.state == "warning"
    assert "roles/datacatalog.categoryFineGrainedReader" in finding.remedy


@pytest.mark.parametrize(
    ("table", "column"),
    [("gongio_ft.call", "id"), ("gongio_ft.call_participant", "speaker_id"), ("salesforce_ft.opportunity", "name")],
)
def test_a_needed_column_that_may_not_be_read_is_named(
    front: Front, fronted: Deployment, table: str, column: str
) -> None:
    """https://cloud.google.com/bigquery/docs/column-level-security-intro#queries"""
    dataset, _, name = table.partition(".")
    front.add(PolicyTag(dataset, name, (column,)))
    fronted.load(generate(0.02))
    (failure,) = (line for line in fronted.sync().failures if line.startswith("Policy tags") or table in line)
    assert f"Policy tags keep {column} of {table} from the account" in failure
    assert "roles/datacatalog.categoryFineGrainedReader" in failure
    findings = [finding for finding in check_bigquery(fronted.settings) if column in finding.message]
    assert "failed" in {finding.state for finding in findings}


@pytest.mark.parametrize(
    ("kind", "table"), [("external", "users"), ("snapshot", "call"), ("clone", "users"), ("view", "call")]
)
def test_every_kind_of_table_is_synced_and_compared(
    front: Front, fronted: Deployment, kind: str, table: str, tmp_path: Path
) -> None:
    """https://cloud.google.com/bigquery/docs/reference/storage#limitations"""
    sample = generate(0.02)
    fronted.load(sample)
    base = TableName(fronted.name, "gongio_ft", "base")
    if kind == "view":
        fronted.client.query(f"create table gongio_ft.base as select * from gongio_ft.{table}").result()
        fronted.client.delete_table(f"{fronted.name}.gongio_ft.{table}")
        fronted.client.query(f"create view gongio_ft.{table} as select * from gongio_ft.base").result()
    else:
        at = later(sample).isoformat()
        disguise = {"external": external("gongio_ft", table)}
        disguise |= {
            "snapshot": snapshot_of("gongio_ft", table, base, at),
            "clone": clone_of("gongio_ft", table, base, at),
        }
        front.add(disguise[kind])
    assert fronted.sync().failures == ()
    assert fronted.sync().failures == ()
    assert found_differences(fronted, sample, tmp_path) == []
    assert reconcile(fronted.settings).is_equal
    findings = [
        finding for finding in check_bigquery(fronted.settings) if finding.message.startswith(f"gongio_ft.{table} ")
    ]
    assert [finding.state for finding in findings] == ["ok"]
    with connect(fronted.settings) as bigquery:
        described = bigquery.describe("gongio_ft", table)
        assert described is not None
        assert described.is_stored == (kind in {"snapshot", "clone"})
