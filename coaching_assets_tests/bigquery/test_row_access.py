"""Rows that row access policies hide: BigQuery returns fewer, without an error."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.client import BigQuery
from coaching_assets_tests.bigquery.tables import client_for, create, run, settings_for
from coaching_assets_tests.front.row_policies import RowPolicies, create_policy
from coaching_assets_tests.front.server import Front

PROJECT = "policies"


@pytest.fixture
def bigquery(front: Front) -> Iterator[BigQuery]:
    from google.cloud.bigquery import SchemaField

    with client_for(front.emulator, PROJECT) as client:
        client.delete_dataset(f"{PROJECT}.gong", delete_contents=True, not_found_ok=True)
        fields = [SchemaField("id", "STRING"), SchemaField("region", "STRING")]
        rows = pa.table({"id": [str(n) for n in range(10)], "region": ["EU"] * 7 + ["US"] * 3})
        create(client, "gong.deal", fields, rows)
        run(client, "create or replace view gong.deals as select id, region from gong.deal")
    with connect(settings_for(front.emulator, PROJECT)) as connection:
        yield connection


def hidden(bigquery: BigQuery, table: str = "deal") -> str | None:
    described = bigquery.describe("gong", table)
    assert described is not None
    return bigquery.hidden_rows(described)


@pytest.mark.parametrize("may_list", [True, False])
@pytest.mark.parametrize("table", ["deal", pytest.param("deals", marks=pytest.mark.slow)])
def test_hidden_rows_are_noticed(front: Front, bigquery: BigQuery, table: str, may_list: bool) -> None:
    """https://cloud.google.com/bigquery/docs/row-level-security-intro"""
    policies = front.add(RowPolicies())
    assert hidden(bigquery, table) is None
    create_policy(front, PROJECT, "gong.deal", "europe", "region = 'EU'", ["allUsers"])
    policies.may_list = may_list
    found = hidden(bigquery, table)
    assert found is not None
    assert "hide 3 of 10 rows of policies.gong.deal" in found
    assert ("(europe)" in found) == may_list
    assert "CREATE ROW ACCESS POLICY coaching_all_rows ON `policies`.`gong`.`deal`" in found
    assert sum(batch.num_rows for batch in bigquery.read(bigquery.describe("gong", table))) == 7  # type: ignore[arg-type]


@pytest.mark.parametrize("may_list", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_an_account_that_sees_all_rows_is_not_warned(front: Front, bigquery: BigQuery, may_list: bool) -> None:
    """https://cloud.google.com/bigquery/docs/using-row-level-security-with-features#the_true_filter"""
    create_policy(front, PROJECT, "gong.deal", "europe", "region = 'EU'", ["user:somebody@example.com"])
    create_policy(front, PROJECT, "gong.deal", "everything", "TRUE", ["allUsers"])
    front.add(RowPolicies(may_list))
    assert hidden(bigquery) is None
    assert hidden(bigquery, "deals") is None


@pytest.mark.slow
def test_an_account_that_no_policy_names_sees_nothing(front: Front, bigquery: BigQuery) -> None:
    create_policy(front, PROJECT, "gong.deal", "europe", "region = 'EU'", ["user:somebody@example.com"])
    found = hidden(bigquery)
    assert found is not None
    assert "hide 10 of 10 rows" in found


@pytest.mark.slow
def test_rows_in_the_streaming_buffer_leave_it_unknown(front: Front, bigquery: BigQuery) -> None:
    """BigQuery's count leaves these rows out: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table"""
    front.add(RowPolicies(may_list=False))
    with client_for(front.emulator, PROJECT) as client:
        assert client.insert_rows_json("gong.deal", [{"id": "10", "region": "EU"}]) == []
    found = hidden(bigquery)
    assert found is not None
    assert "may hide rows of policies.gong.deal" in found
    assert "bigquery.rowAccessPolicies.list" in found


def test_a_table_without_policies_costs_one_request(front: Front, bigquery: BigQuery) -> None:
    described = bigquery.describe("gong", "deal")
    assert described is not None
    before = len(front.requests)
    assert bigquery.hidden_rows(described) is None
    assert len(front.requests) == before + 1
