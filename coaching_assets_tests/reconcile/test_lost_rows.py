"""A row that the replica lost comes back, and what is published of it stays."""

import pytest
from google.cloud.bigquery import Table

from coaching_assets.bigquery import connect as connect_bigquery
from coaching_assets.bigquery.client import BigQuery
from coaching_assets.catalogue import TABLES
from coaching_assets.demo.sample import Sample, generate
from coaching_assets.postgres.connection import connect
from coaching_assets.publish.plan import make_plan
from coaching_assets.reconcile.confirmation import Source
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets.reconcile.repair import remove_extra, repair_published
from coaching_assets.replica.survey import survey_source
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited, without_rows

pytestmark = [pytest.mark.every_version, pytest.mark.representatives(2)]
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


@pytest.mark.parametrize(
    "source_changed",
    [
        pytest.param(False, id="source as loaded", marks=pytest.mark.slow),
        pytest.param(True, id="source modified since"),
    ],
)
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


PARTS = {
    "transcripts": (
        *("transcript", "index"),
        "select source.call_id, source.index::text from gongio_ft.transcript as source"
        " join calls on gong_call_id = source.call_id"
        " join transcripts as part on part.call_id = calls.id and part.sequence_number::text = source.index::text",
    ),
    "call_opportunities": (
        *("call_context_integration", "object_id"),
        "select source.call_id, source.object_id from gongio_ft.call_context_integration as source"
        " join calls on gong_call_id = source.call_id join opportunities on gong_opportunity_id = source.object_id"
        " join call_opportunities as part on part.call_id = calls.id and part.opportunity_id = opportunities.id"
        " join gongio_ft.call on call.id = source.call_id and strpos(coalesce(call.metadata::text, ''), object_id) = 0",
    ),
}
"""By published table: the source table, its column that names a part of the call, and the parts that are published."""


def part_of(deployment: Deployment, published: str, quote: str = '"') -> str:
    """What follows `delete from` to delete the source rows of one published part, for Postgres or BigQuery."""
    source, column, parts = PARTS[published]
    ((call, part),) = deployment.query(f"{parts} where source._fivetran_deleted is not true order by 1, 2 limit 1")
    text = "string" if quote == "`" else "text"
    return f"gongio_ft.{source} where call_id = '{call}' and cast({quote}{column}{quote} as {text}) = '{part}'"


def source_of(deployment: Deployment, bigquery: BigQuery) -> Source:
    return Source(bigquery, deployment.settings, survey_source(bigquery, deployment.settings, TABLES).present)


@pytest.mark.slow
@pytest.mark.parametrize("table", NEWEST)
def test_extra_rows_that_bigquery_has_again_stay(table: str, deployment: Deployment) -> None:
    sample = generate(0.02)
    deployment.load(sample)
    assert deployment.sync().success
    ((back,), (gone,), *_) = deployment.query(NEWEST[table])
    deployment.client.query(f"delete from gongio_ft.{table} where id in ('{back}', '{gone}')").result()
    deployment.source_changed()
    with connect_bigquery(deployment.settings) as bigquery:
        (comparison,) = [c for c in reconcile(deployment.settings).comparisons.values() if c.table.name == table]
        assert comparison.rows["extra"] == 2
        deployment.load(without_rows(sample, {("gong", table): "id"}, {gone}), tables=[table])
        assert remove_extra(source_of(deployment, bigquery), comparison) == 1
    left = deployment.query(f"select id from gongio_ft.{table} where id in (%s, %s)", [back, gone])
    assert left == [(back,)]


@pytest.mark.slow
@pytest.mark.parametrize("table", NEWEST)
def test_published_rows_that_bigquery_has_stay_whatever_the_comparison_says(table: str, synced: Deployment) -> None:
    ((key,), *_) = synced.query(NEWEST[table])
    published, column = {"call": ("calls", "gong_call_id"), "email": ("emails", "gong_email_id")}[table]
    with connect_bigquery(synced.settings) as bigquery:
        proven = list(reconcile(synced.settings, bigquery).comparisons.values())
        synced.query(f"delete from gongio_ft.{table} where id = %s", [key])
        with connect(synced.settings) as database:
            plan = make_plan(database, synced.settings)
        assert key in plan.vanished[published]
        skipped = repair_published(source_of(synced, bigquery), proven, plan, force=True)
    assert any(f"{published}: BigQuery has rows of 1" in sentence for sentence in skipped), skipped
    assert synced.query(f"select count(*) from {published} where {column} = %s", [key]) == [(1,)]


@pytest.mark.slow
@pytest.mark.parametrize("published", PARTS)
def test_published_parts_that_bigquery_has_stay_whatever_the_comparison_says(
    published: str, synced: Deployment
) -> None:
    part = part_of(synced, published)
    before = synced.query(f"select count(*) from {published}")
    with connect_bigquery(synced.settings) as bigquery:
        proven = list(reconcile(synced.settings, bigquery).comparisons.values())
        synced.query(f"delete from {part}")
        with connect(synced.settings) as database:
            plan = make_plan(database, synced.settings)
        assert len(plan.lacking["calls"]) == 1
        skipped = repair_published(source_of(synced, bigquery), proven, plan, force=True)
    assert any("calls: BigQuery has rows of 1 calls that the replica lacks" in sentence for sentence in skipped), (
        skipped
    )
    assert synced.query(f"select count(*) from {published}") == before


@pytest.mark.slow
@pytest.mark.parametrize("in_replica", [True, False], ids=["extra in the replica", "lost by the replica, too"])
@pytest.mark.parametrize("published", PARTS)
def test_a_part_that_bigquery_dropped_goes_with_the_reconciliation(
    published: str, in_replica: bool, deployment: Deployment
) -> None:
    deployment.load(generate(0.02))
    assert deployment.sync().success
    lost, dropped = part_of(deployment, published), part_of(deployment, published, "`")
    ((before,),) = deployment.query(f"select count(*) from {published}")
    deployment.client.query(f"delete from {dropped}").result()
    if not in_replica:
        deployment.query(f"delete from {lost}")
    deployment.source_changed()
    assert deployment.sync().success
    assert deployment.query(f"select count(*) from {published}") == [(before,)]
    result = reconcile(deployment.settings, repair=True, force=True)
    assert result.is_equal, result.skipped
    assert deployment.query(f"select count(*) from {published}") == [(before - 1,)]
