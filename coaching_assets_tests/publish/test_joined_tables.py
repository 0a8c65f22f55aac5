"""Changes in only one of the tables that a published row is made of: that row follows, and no other is written."""

from typing import Any

import pytest

from coaching_assets.demo.sample import TableKey
from coaching_assets_tests.stateful.source import Source
from coaching_assets_tests.stateful.world import World, synced

PARTICIPANT, SPEAKER = ("gong", "call_participant"), ("gong", "call_speaker")
USERS, RECIPIENT = ("gong", "users"), ("gong", "email_recipient")
ACCOUNT, OWNER = ("salesforce", "account"), ("salesforce", "user")

TABLES = ("calls", "speakers", "transcripts", "opportunities", "emails")


def contents(world: World) -> dict[tuple[str, str], str]:
    """Every row of the application's tables but `updated_at`, by table and id."""
    query = "select id::text, (to_jsonb(row) - 'updated_at')::text from {} as row"
    return {(table, row): text for table in TABLES for row, text in world.query(query.format(table))}


def place_of(source: Source, key: TableKey, **values: Any) -> int:
    """The place of the first row with these values."""
    return source.sample[key].numbers(**values)[0]


def follows(world: World, source: Source) -> set[tuple[str, str]]:
    """Sync, and see that exactly the rows that now say something else were written.

    Returns:
        Those rows, by table and id.
    """
    written, before = world.versions(), contents(world)
    synced(world, source)
    after, said = world.versions(), contents(world)
    changed = {row for row in said if said[row] != before.get(row)}
    assert {row for row in after if after[row] != written.get(row)} == changed
    assert said.keys() == before.keys()
    return changed


@pytest.fixture(
    params=[
        pytest.param(PARTICIPANT, id="known by the speaker", marks=pytest.mark.slow),
        pytest.param(SPEAKER, id="known by the participant"),
    ]
)
def user(request: pytest.FixtureRequest, world: World, source: Source) -> str:
    """A company-side speaker's user, whose name and address come from `users`, and whom only one table leads to."""
    speaking = [row for row in source.rows(PARTICIPANT) if row["user_id"] and row["speaker_id"]]
    calls = {call for (call,) in world.query("select gong_call_id from calls")}
    there = {row["id"] for row in source.rows(USERS) if not row["_fivetran_deleted"]}
    user = next(row["user_id"] for row in speaking if row["call_id"] in calls and row["user_id"] in there)
    places = {key: source.sample[key].numbers(user_id=user) for key in (PARTICIPANT, SPEAKER)}
    rows = {key: [source.rows(key)[place] for place in places[key]] for key in places}
    for row in rows[PARTICIPANT]:
        source.edit(PARTICIPANT, place_of(source, PARTICIPANT, **identity(row)), name=None, email_address=None)
    for row in rows[request.param]:
        source.edit(request.param, place_of(source, request.param, **identity(row)), user_id=None)
    synced(world, source)
    return str(user)


def identity(row: dict[str, Any]) -> dict[str, Any]:
    """By what a row of a call's speakers or participants is known."""
    return {"id": row["id"], "call_id": row["call_id"]}


@pytest.mark.slow
def test_a_recipient_added(world: World, source: Source) -> None:
    email, identity = world.query("select gong_email_id, id::text from emails order by 1 limit 1")[0]
    source.append(RECIPIENT, {"email_id": email, "email_address": "added@example.com", "type": "cc"})
    assert follows(world, source) == {("emails", identity)}
    assert world.query("select 'added@example.com' = any(recipients) from emails where id = %s", [identity]) == [
        (True,)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "column", "published", "path"),
    [
        (ACCOUNT, "name", "account_name", "{account,id}"),
        pytest.param(OWNER, "email", "owner_email", "{owner_id}", marks=pytest.mark.slow),
    ],
)
def test_an_account_renamed_and_an_owner_s_address_changed(
    world: World, source: Source, key: TableKey, column: str, published: str, path: str
) -> None:
    where = f"where metadata #>> '{path}' = %s"
    named = world.query(
        f"select metadata #>> '{path}' from opportunities where {published} is not null order by 1 limit 1"
    )
    deals = world.query(f"select id::text from opportunities {where}", named[0])
    assert 0 < len(deals) < world.query("select count(*) from opportunities")[0][0]
    source.edit(key, place_of(source, key, id=named[0][0]), **{column: " new@name.example "})
    assert follows(world, source) == {("opportunities", deal) for (deal,) in deals}
    assert world.query(f"select distinct {published} from opportunities {where}", named[0]) == [("new@name.example",)]


def test_a_participant_s_affiliation_corrected(world: World, source: Source) -> None:
    call, identity, speaker, name = world.query(
        "select gong_call_id, calls.id::text, speakers.id::text, speakers.name"
        " from speakers join calls on calls.id = call_id where not company_side and email is not null"
        " order by gong_call_id, speakers.id limit 1"
    )[0]
    source.edit(PARTICIPANT, place_of(source, PARTICIPANT, call_id=call, name=name), affiliation="Internal")
    assert follows(world, source) == {("calls", identity), ("speakers", speaker)}
    assert world.query("select %s = any(prefect_reps) from calls where id = %s", [name, identity]) == [(True,)]


def test_a_user_s_name_repaired(world: World, source: Source, user: str) -> None:
    source.edit(USERS, place_of(source, USERS, id=user), first_name="Repaired", last_name="Name")
    changed = follows(world, source)
    speakers = {identity for (identity,) in world.query("select id::text from speakers where name = 'Repaired Name'")}
    calls = {
        identity for (identity,) in world.query("select id::text from calls where 'Repaired Name' = any(prefect_reps)")
    }
    assert speakers and calls
    assert changed == {("speakers", row) for row in speakers} | {("calls", row) for row in calls}
