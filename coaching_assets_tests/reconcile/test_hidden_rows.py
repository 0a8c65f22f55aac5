"""Rows that BigQuery hides from the account are not taken for deleted ones."""

import pytest

from coaching_assets.bigquery import connect
from coaching_assets.demo.sample import generate
from coaching_assets.doctor.bigquery_checks import check_bigquery
from coaching_assets.reconcile.differences import Comparison
from coaching_assets.reconcile.reconciliation import Reconciliation, reconcile
from coaching_assets.replica.reloading import reload
from coaching_assets.replica.survey import survey_source
from coaching_assets_tests.front.row_policies import RowPolicies, create_policy
from coaching_assets_tests.front.server import Front
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import without_rows

pytestmark = [pytest.mark.slow, pytest.mark.representatives(1)]
PUBLISHED = ("calls", "speakers", "transcripts", "call_opportunities", "opportunities", "emails")


def counts(deployment: Deployment, table: str) -> dict[str, int]:
    return {name: deployment.query(f"select count(*) from {name}")[0][0] for name in (table, *PUBLISHED)}


def comparison_of(result: Reconciliation, table: str) -> Comparison:
    return next(found for found in result.comparisons.values() if found.name == table)


@pytest.mark.parametrize(
    ("table", "condition", "may_list"),
    [
        ("gongio_ft.call", "FALSE", True),
        ("gongio_ft.transcript", "`index` IN ('0', '1')", False),
        ("gongio_ft.email", "FALSE", False),
        ("salesforce_ft.opportunity", "name > 'M'", True),
    ],
)
def test_a_repair_keeps_hidden_rows(
    front: Front, fronted: Deployment, table: str, condition: str, may_list: bool
) -> None:
    """https://cloud.google.com/bigquery/docs/row-level-security-intro"""
    front.add(RowPolicies(may_list))
    fronted.load(generate(0.02))
    assert fronted.sync().failures == ()
    before = counts(fronted, table)
    create_policy(front, fronted.name, table, "some_rows", condition, ["allUsers"])

    result = reconcile(fronted.settings, repair=True, force=True)
    assert counts(fronted, table) == before
    found = comparison_of(result, table)
    assert found.not_shown > 0
    assert found.rows["extra"] == 0
    assert not found.is_proven
    assert f"{table} from the account" in found.restriction
    assert "CREATE ROW ACCESS POLICY" in found.restriction
    warnings = {finding.message: finding.remedy for finding in check_bigquery(fronted.settings)}
    (remedy,) = (remedy for message, remedy in warnings.items() if message.endswith(f".{table} from the account"))
    assert remedy.startswith("Let it see all rows: CREATE ROW ACCESS POLICY")
    # a full re-read does not remove them either
    with connect(fronted.settings) as bigquery:
        reload(bigquery, fronted.settings, survey_source(bigquery, fronted.settings, list(result.comparisons)).present)
    assert fronted.sync().failures == ()
    assert counts(fronted, table) == before


def test_rows_that_are_gone_are_removed_if_the_account_sees_all_rows(front: Front, fronted: Deployment) -> None:
    """https://cloud.google.com/bigquery/docs/using-row-level-security-with-features#the_true_filter"""
    front.add(RowPolicies(may_list=False))
    sample = generate(0.02)
    fronted.load(sample)
    assert fronted.sync().failures == ()
    ((email,), *_) = fronted.query("select id from gongio_ft.email order by id")
    fronted.load(without_rows(sample, {("gong", "email"): "id"}, [email]))
    create_policy(front, fronted.name, "gongio_ft.email", "everything", "TRUE", ["allUsers"])
    result = reconcile(fronted.settings, repair=True, force=True)
    assert result.skipped == []
    assert fronted.query("select count(*) from gongio_ft.email where id = %s", [email]) == [(0,)]
    assert fronted.query("select count(*) from emails where gong_email_id = %s", [email]) == [(0,)]


def test_a_published_row_whose_source_is_hidden_stays(front: Front, fronted: Deployment) -> None:
    """The replica never had the row: the policy is older than the first sync."""
    sample = generate(0.02)
    fronted.load(sample)
    assert fronted.sync().failures == ()
    ((email,), *_) = fronted.query("select id from gongio_ft.email order by id")
    create_policy(front, fronted.name, "gongio_ft.email", "others", f"id != '{email}'", ["allUsers"])
    fronted.query("delete from gongio_ft.email where id = %s", [email])
    result = reconcile(fronted.settings, repair=True, force=True)
    assert any("gongio_ft.email" in sentence for sentence in result.skipped)
    assert fronted.query("select count(*) from emails where gong_email_id = %s", [email]) == [(1,)]
