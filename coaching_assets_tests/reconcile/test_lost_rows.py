"""A row that the replica lost comes back, and what is published of it stays."""

import pytest
from google.cloud.bigquery import Table

from coaching_assets.demo.sample import Sample, generate
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited

pytestmark = pytest.mark.every_version
CALL, EMAIL = ("gong", "call"), ("gong", "email")

NEWEST = {
    "call": "select call.id from gongio_ft.call join calls on gong_call_id = call.id order by _fivetran_synced desc",
    "email": "select e.id from gongio_ft.email as e join emails on gong_email_id = e.id order by _fivetran_synced desc",
}
"""The newest published rows of a table."""


def a_monologue(deployment: Deployment) -> tuple[str, str, str]:
    """The newest published monologue: its id, its call at Gong, and its index."""
    (found,) = deployment.query(
        "select transcripts.id::text, gong_call_id, sequence_number::text from transcripts"
        " join calls on calls.id = call_id join gongio_ft.transcript as source"
        " on source.call_id = gong_call_id and source.index::text = sequence_number::text"
        " order by source._fivetran_synced desc limit 1"
    )
    return found


def annotated(deployment: Deployment, monologue: str) -> list[tuple]:
    return deployment.query("select sentiment from transcripts where id = %s", [monologue])


@pytest.mark.parametrize("source_changed", [False, True], ids=["source as loaded", "source modified since"])
def test_a_monologue_that_the_replica_lost_keeps_its_sentiment(
    source_changed: bool, synced: Deployment, tenth: Sample
) -> None:
    monologue, call, index = a_monologue(synced)
    synced.query("update transcripts set sentiment = 'calm' where id = %s", [monologue])
    synced.query("delete from gongio_ft.transcript where call_id = %s and index::text = %s", [call, index])
    if source_changed:
        synced.load(edited(tenth, ("gong", "transcript"), {"call_id": call}, topic="Pricing"), tables=["transcript"])
    result = reconcile(synced.settings, repair=True)
    assert annotated(synced, monologue) == [("calm",)]
    assert result.is_equal, result.skipped
    restored = "select count(*) from gongio_ft.transcript where call_id = %s and index::text = %s"
    assert synced.query(restored, [call, index]) != [(0,)]


@pytest.mark.parametrize("table", ["call", pytest.param("email", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_the_newest_row_of_a_table_that_the_replica_lost_comes_back(table: str, synced: Deployment) -> None:
    # another test may have changed the table in the shared project
    assert synced.sync().failures == ()
    ((key,), *_) = synced.query(NEWEST[table])
    published, column = {"call": ("calls", "gong_call_id"), "email": ("emails", "gong_email_id")}[table]
    before = synced.query(f"select id from {published} where {column} = %s", [key])
    synced.query(f"delete from gongio_ft.{table} where id = %s", [key])
    found = reconcile(synced.settings)
    (comparison,) = [c for c in found.comparisons.values() if c.name == f"gongio_ft.{table}"]
    assert comparison.rows["missing"] >= 1, "BigQuery was not modified: the next sync would not read the row"
    assert reconcile(synced.settings, repair=True).is_equal
    assert synced.query(f"select id from {published} where {column} = %s", [key]) == before


@pytest.mark.slow
def test_a_row_stays_if_its_table_could_not_be_compared(deployment: Deployment) -> None:
    deployment.load(generate(0.02))
    assert deployment.sync().success
    ((key,), *_) = deployment.query(NEWEST["call"])
    deployment.query("delete from gongio_ft.call where id = %s", [key])
    calls = f"{deployment.client.project}.gongio_ft.call"
    columns = ", ".join(field.name for field in deployment.client.get_table(calls).schema)
    deployment.client.delete_table(calls)
    view = Table(calls)
    view.view_query = f"select {columns} from gongio_ft.nowhere"
    deployment.client.create_table(view)
    result = reconcile(deployment.settings, repair=True)
    assert deployment.query("select count(*) from calls where gong_call_id = %s", [key]) == [(1,)]
    assert any("gongio_ft.call" in sentence and "were not proven" in sentence for sentence in result.skipped)
