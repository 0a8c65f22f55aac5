"""What is deleted at the source: what goes, what has to stay, and how it comes back."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from coaching_assets.demo.sample import Sample, TableKey, generate
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited, found_differences, without_column

CALL: TableKey = ("gong", "call")
SPEAKER: TableKey = ("gong", "call_speaker")
TRANSCRIPT: TableKey = ("gong", "transcript")
EMAIL: TableKey = ("gong", "email")
OPPORTUNITY: TableKey = ("salesforce", "opportunity")
WORKSPACE = "4819025533070110832"


@pytest.fixture(scope="module")
def sample() -> Sample:
    return without_column(generate(0.1), OPPORTUNITY, "_fivetran_deleted")


def sync_with_metadata(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """A sync, and the metadata of its materializations by table."""
    from dagster import execute_job, reconstructable

    from coaching_assets.definitions import sync_job
    from coaching_assets.defs.instance import instance_of_this_process

    with (
        instance_of_this_process() as instance,
        execute_job(reconstructable(sync_job), instance=instance) as result,
    ):
        assert result.success
        found = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
        return {"/".join(m.asset_key.path): {k: v.value for k, v in m.metadata.items()} for m in found}


def calls_with(sample: Sample, number_of_workspaces: int) -> list[str]:
    """Calls that no row of says are deleted, in one or two workspaces, and that have speakers of their own."""
    rows = sample.rows(*CALL)
    found = dict.fromkeys(row["id"] for row in rows)
    return [
        call
        for call in found
        if [row["_fivetran_deleted"] for row in rows if row["id"] == call] == [False] * number_of_workspaces
    ]


def speakers_of(sample: Sample, call: str) -> list[str]:
    return [row["id"] for row in sample.rows(*SPEAKER) if row["call_id"] == call and not row["_fivetran_deleted"]]


def legacy_call(deployment: Deployment, gong_call: str, email: str, index: int) -> tuple[str, str, str]:
    """A call, a speaker and a line as an earlier importer wrote them, with random ids."""
    call, speaker, line = (str(uuid.uuid4()) for _ in range(3))
    deployment.query("insert into calls (id, gong_call_id) values (%s, %s)", [call, gong_call])
    deployment.query(
        "insert into speakers (id, call_id, name, email) values (%s, %s, 'Old', %s)", [speaker, call, email]
    )
    deployment.query(
        "insert into transcripts (id, call_id, sequence_number, text) values (%s, %s, %s, 'old')", [line, call, index]
    )
    return call, speaker, line


def rows_there(deployment: Deployment, table: str, ids: Sequence[str]) -> list[str]:
    return [row[0] for row in deployment.query(f"select id::text from {table} where id = any(%s::uuid[])", [list(ids)])]


def test_deletions_are_followed_kept_where_work_hangs_on_them_and_undone(
    deployment: Deployment, sample: Sample, tmp_path: Path
) -> None:
    both = calls_with(sample, 2)[0]
    adopted, gone, kept, of_kept_speaker = calls_with(sample, 1)[:4]
    speaker, email = next(
        (row["speaker_id"], row["email_address"])
        for row in sample.rows("gong", "call_participant")
        if row["call_id"] == adopted and row["email_address"] and row["speaker_id"] in speakers_of(sample, adopted)
    )
    index = next(
        row["index"] for row in sample.rows(*TRANSCRIPT) if row["call_id"] == adopted and row["index"].isdigit()
    )
    legacy = legacy_call(deployment, adopted, email, int(index))
    legacy_gone = legacy_call(deployment, gone, "nobody@x.example", 90_000)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    assert rows_there(deployment, "transcripts", [legacy[2]]) == [legacy[2]]
    deployment.query(
        "create table sessions (id serial primary key, rep_id uuid references speakers (id) on delete cascade);"
        "insert into sessions (rep_id) select distinct on (call_id) speakers.id from speakers"
        " join calls on calls.id = call_id where gong_call_id = any(%s) order by call_id, speakers.id",
        [[kept, of_kept_speaker]],
    )
    everything = (
        "select 'call', gong_call_id, id from calls union select 'deal', gong_opportunity_id, id from opportunities"
        " union select 'mail', gong_email_id, id from emails"
    )
    before = set(deployment.query(everything))
    deal = deployment.query(
        "select gong_opportunity_id from opportunities join emails on opportunity_id = opportunities.id"
        " join call_opportunities as link on link.opportunity_id = opportunities.id"
        " group by 1 order by count(*) desc limit 1"
    )[0][0]
    mails = (
        "select gong_email_id from emails join opportunities on opportunities.id = opportunity_id"
        " where gong_opportunity_id = %s order by 1"
    )
    mails_of_deal = [row[0] for row in deployment.query(mails, [deal])]
    assert mails_of_deal
    mail = deployment.query("select gong_email_id from emails where gong_email_id <> all(%s) limit 1", [mails_of_deal])
    edits: list[tuple[TableKey, dict[str, object], str]] = [
        (CALL, {"id": both, "workspace_id": WORKSPACE}, "_fivetran_deleted"),
        (CALL, {"id": gone}, "_fivetran_deleted"),
        (CALL, {"id": kept}, "_fivetran_deleted"),
        (TRANSCRIPT, {"call_id": adopted, "index": index}, "_fivetran_deleted"),
        (SPEAKER, {"call_id": adopted, "id": speaker}, "_fivetran_deleted"),
        (SPEAKER, {"call_id": of_kept_speaker}, "_fivetran_deleted"),
        (EMAIL, {"id": mail[0][0]}, "_fivetran_deleted"),
        (OPPORTUNITY, {"id": deal}, "is_deleted"),
    ]
    deleted = sample
    for key, where, flag in edits:
        deleted = edited(deleted, key, where, **{flag: True})
    deployment.load(deleted)
    metadata = sync_with_metadata(deployment)

    found = found_differences(deployment, deleted, tmp_path / "deleted", kept_calls=[kept])
    assert len(found) == 1 and found[0].startswith(f"speakers {of_kept_speaker}: extra"), found
    assert metadata["coaching/calls"]["rows_kept"] == 1
    assert metadata["coaching/speakers"]["rows_kept"] == 1
    assert deployment.query("select count(*) from sessions") == [(2,)]
    said = "select count(*) > 0 from transcripts join calls on calls.id = call_id where gong_call_id = %s"
    assert deployment.query(said, [kept]) == [(True,)]
    assert rows_there(deployment, "calls", [legacy[0], legacy_gone[0]]) == [legacy[0]]
    assert rows_there(deployment, "speakers", [legacy[1], legacy_gone[1]]) == []
    assert rows_there(deployment, "transcripts", [legacy[2], legacy_gone[2]]) == []
    assert deployment.query(mails, [deal]) == []
    assert deployment.query("select count(*) from emails where gong_email_id = any(%s)", [mails_of_deal]) == [
        (len(mails_of_deal),)
    ], "e-mails outlive their deal"

    undeleted = deleted
    for key, where, flag in edits:
        undeleted = edited(undeleted, key, where, hours=2, **{flag: False})
    deployment.load(undeleted)
    metadata = sync_with_metadata(deployment)
    assert found_differences(deployment, undeleted, tmp_path / "undeleted") == []
    assert metadata["coaching/calls"]["rows_kept"] == metadata["coaching/speakers"]["rows_kept"] == 0
    after = set(deployment.query(everything))
    assert {row[:2] for row in after} == {row[:2] for row in before}
    assert {row[1] for row in before - after} == {gone}, "only the earlier importer's call has another id"
    assert [row[0] for row in deployment.query(mails, [deal])] == mails_of_deal
