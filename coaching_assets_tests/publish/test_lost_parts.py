"""A part that only the replica lost stays; one whose source row was deleted, or changed, goes."""

from dataclasses import dataclass

import pytest

from coaching_assets.postgres.connection import connect
from coaching_assets.publish.plan import make_plan
from coaching_assets_tests.publish.isolating import publish_everything
from coaching_assets_tests.support.deployment import Deployment

VANISHED = "vanished from the source"
SLOW = pytest.mark.slow

MONOLOGUE = (
    "(call_id, index::text) = (select gong_call_id, sequence_number::text from transcripts"
    " join calls on calls.id = call_id order by 1, 2 limit 1)"
)
NAMED = "coaching_sync.derived_id('speakers', source.call_id || ':' || source.{column}) = speakers.id"
SPOKE = f"select speakers.id from speakers, gongio_ft.call_speaker as source where {NAMED.format(column='id')}"
SPEAKER = f"({SPOKE} order by 1 limit 1)"
SOURCE = "from gongio_ft.{table} as source, speakers where {named} and speakers.id = {speaker}"
LINK = (
    "(call_id, object_id) = (select gong_call_id, gong_opportunity_id from call_opportunities as link"
    " join calls on calls.id = link.call_id join opportunities on opportunities.id = link.opportunity_id"
    " where not exists (select 1 from gongio_ft.call as source where source.id = gong_call_id"
    " and strpos(source.metadata::text, gong_opportunity_id) > 0) order by 1, 2 limit 1)"
)
DEAL = (
    "id = (select gong_opportunity_id from opportunities join gongio_ft.opportunity as gong"
    " on gong.id = gong_opportunity_id where opportunities.metadata ->> 'source' = 'salesforce' order by 1 limit 1)"
)
NEW_SPEAKER = (
    "update gongio_ft.call_participant set speaker_id = 'only a participant' where ctid = (select source.ctid"
    f" from gongio_ft.call_participant as source, speakers where {NAMED.format(column='speaker_id')} limit 1)"
)
NAMES_NEW_SPEAKER = "speaker_id = 'only a participant'"
CALL = "id = (select gong_call_id from calls order by 1 limit 1)"
IN_METADATA = (
    "alter table gongio_ft.call add column if not exists metadata varchar; update gongio_ft.call set metadata ="
    " (select json_build_object('opportunity_id', gong_opportunity_id)::text from opportunities where id not in"
    " (select opportunity_id from call_opportunities join calls on calls.id = call_id where gong_call_id = call.id)"
    f" order by 1 limit 1) where {CALL}"
)


def without_speaker(change: str) -> str:
    """The change of all rows that name one speaker."""
    return "; ".join(
        change.format(table=table, condition=f"ctid in (select source.ctid {SOURCE})").format(
            table=table, named=NAMED.format(column=column), speaker=SPEAKER
        )
        for table, column in (("call_participant", "speaker_id"), ("call_speaker", "id"))
    )


@dataclass(frozen=True)
class Case:
    """A change of the replica, after a preparation that is published, and the reason by which a row would go."""

    table: str
    change: str
    reason: str
    prepare: str = ""
    group: str = "calls"


LOST = {
    "monologue": Case("transcripts", f"delete from gongio_ft.transcript where {MONOLOGUE}", VANISHED),
    "workspace of a call that is deleted in another one": Case(
        "calls",
        f"delete from gongio_ft.call where {CALL} and workspace_id = 'another';"
        f" update gongio_ft.call set _fivetran_deleted = true where {CALL}",
        VANISHED,
        'insert into gongio_ft.call select (jsonb_populate_record(call, \'{"workspace_id": "another"}\')).*'
        f" from gongio_ft.call where {CALL}",
    ),
    "speaker": Case("speakers", without_speaker("delete from gongio_ft.{table} where {condition}"), VANISHED),
    "speaker whom only a participant names": Case(
        "speakers", f"delete from gongio_ft.call_participant where {NAMES_NEW_SPEAKER}", VANISHED, NEW_SPEAKER
    ),
    "speaker of a deleted participant": Case(
        "speakers",
        without_speaker("delete from gongio_ft.{table} where {condition}").replace(
            "delete from gongio_ft.call_participant", "update gongio_ft.call_participant set _fivetran_deleted = true"
        ),
        VANISHED,
    ),
    "link": Case("call_opportunities", f"delete from gongio_ft.call_context_integration where {LINK}", VANISHED),
    "opportunity that Gong has, too": Case(
        "opportunities", f"delete from salesforce_ft.opportunity where {DEAL}", VANISHED, group="opportunities"
    ),
}

GONE = {
    "monologue": Case(
        "transcripts",
        f"update gongio_ft.transcript set _fivetran_deleted = true where {MONOLOGUE}",
        "deleted at the source",
    ),
    "monologue without text": Case(
        "transcripts", f"update gongio_ft.transcript set sentence = '[]' where {MONOLOGUE}", "rejected"
    ),
    "speaker": Case(
        "speakers",
        without_speaker("update gongio_ft.{table} set _fivetran_deleted = true where {condition}"),
        "deleted at the source",
    ),
    "speaker whose participant speaks as another one": Case(
        "speakers",
        "update gongio_ft.call_participant set speaker_id = 'another', name = 'Someone', email_address = 'a@b.example'"
        f" where {NAMES_NEW_SPEAKER}",
        "superseded",
        NEW_SPEAKER,
    ),
    "speaker whose participant is deleted": Case(
        "speakers",
        f"update gongio_ft.call_participant set _fivetran_deleted = true where {NAMES_NEW_SPEAKER}",
        "deleted at the source",
        NEW_SPEAKER,
    ),
    "speaker whose participant no longer speaks, and is deleted": Case(
        "speakers",
        f"update gongio_ft.call_participant set _fivetran_deleted = true, speaker_id = null where {NAMES_NEW_SPEAKER}",
        "deleted at the source",
        NEW_SPEAKER,
    ),
    "call in two workspaces": Case(
        "calls",
        f"update gongio_ft.call set _fivetran_deleted = true where {CALL}",
        "deleted at the source",
        'insert into gongio_ft.call select (jsonb_populate_record(call, \'{"workspace_id": "another"}\')).*'
        f" from gongio_ft.call where {CALL}",
    ),
    "link": Case(
        "call_opportunities",
        f"update gongio_ft.call_context_integration set _fivetran_deleted = true where {LINK}",
        "deleted at the source",
    ),
    "link that became one to an account": Case(
        "call_opportunities",
        f"update gongio_ft.call_context_integration set object_type = 'Account' where {LINK}",
        "superseded",
    ),
    "link that only the call names": Case(
        "call_opportunities", f"update gongio_ft.call set metadata = null where {CALL}", "superseded", IN_METADATA
    ),
}
FAST = {"monologue", "speaker whose participant speaks as another one"}


def cases(known: dict[str, Case]) -> list:
    return [pytest.param(case, id=name, marks=() if name in FAST else SLOW) for name, case in known.items()]


def rows(deployment: Deployment, table: str) -> set[str]:
    return {row for (row,) in deployment.query(f"select (to_jsonb({table}) - 'updated_at')::text from {table}")}


def annotate(deployment: Deployment) -> None:
    """Write as people do, into each row."""
    deployment.query("update transcripts set sentiment = 'calm'; update speakers set role = 'ae'")


def planned(deployment: Deployment, case: Case) -> dict[str, int]:
    with connect(deployment.settings) as database:
        return dict(make_plan(database, deployment.settings).tables[case.table].reasons)


def prepared(deployment: Deployment, case: Case) -> set[str]:
    if case.prepare:
        deployment.query(case.prepare)
    publish_everything(deployment, case.group)
    annotate(deployment)
    before = rows(deployment, case.table)
    deployment.query(case.change)
    return before


@pytest.mark.parametrize("case", cases(LOST))
def test_a_row_that_only_the_replica_lost_stays(synced: Deployment, case: Case) -> None:
    before = prepared(synced, case)
    assert planned(synced, case) == {VANISHED: 1}
    outcome = publish_everything(synced, case.group).outcomes
    after = rows(synced, case.table)
    identity = {row.partition('"id": "')[2][:36] for row in before - after}
    assert len(after) == len(before)
    assert identity <= {row.partition('"id": "')[2][:36] for row in after}
    assert sum(table.deleted for table in outcome.values()) == 0
    assert publish_everything(synced, case.group).outcomes.keys() == outcome.keys()
    assert len(rows(synced, case.table)) == len(before), "it stays however often its aggregate is published"


@pytest.mark.parametrize("case", cases(GONE))
def test_a_row_whose_source_row_tells_why_goes(synced: Deployment, case: Case) -> None:
    before = prepared(synced, case)
    assert planned(synced, case) == {case.reason: 1}
    outcomes = publish_everything(synced, case.group).outcomes
    reasons = {table.name: dict(outcome.reasons) for table, outcome in outcomes.items() if outcome.reasons}
    assert reasons == {case.table: {case.reason: 1}}
    written = sum(outcome.inserted for table, outcome in outcomes.items() if table.name == case.table)
    assert len(rows(synced, case.table)) == len(before) - 1 + written
