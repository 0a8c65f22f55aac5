"""One row that Postgres or the application rejects stops no other row, and is published once it can be."""

from dataclasses import dataclass

import pytest

from coaching_assets.postgres.connection import connect
from coaching_assets.publish.plan import make_plan
from coaching_assets_tests.publish.isolating import (
    contents,
    publish,
    publish_everything,
    rejections,
    status,
)
from coaching_assets_tests.support.deployment import Deployment

LONG = "(select string_agg(md5(n::text), ' ') from generate_series(1, 200) as n)"
"""6 KB that do not compress to less than the limit of an index."""

RAISE = (
    "create function refuse() returns trigger language plpgsql as $$begin {} return new; end$$;"
    " create trigger refuse before insert or update on {} for each row execute function refuse()"
)


@dataclass(frozen=True)
class Case:
    """A change of one row in the replica, a rule of the application's that rejects it, and how the rule ends."""

    table: str
    change: str
    rule: str
    end: str
    message: str
    constraint: str | None = None
    group: str = "calls"


ONE_MONOLOGUE = (
    "(call_id, index::text) = (select gong_call_id, sequence_number::text from transcripts"
    " join calls on calls.id = call_id order by 1, 2 limit 1)"
)
ONE_CALL = "id = (select gong_call_id from calls order by 1 limit 1)"
ONE_EMAIL = "id = (select gong_email_id from emails order by 1 limit 1)"
ONE_DEAL = "id = (select gong_opportunity_id from opportunities order by 1 limit 1)"

CASES = {
    "check of a monologue": Case(
        "transcripts",
        f"update gongio_ft.transcript set sentence = 'a secret' where {ONE_MONOLOGUE}",
        "alter table transcripts add constraint no_secrets check (text !~ 'secret') not valid",
        "alter table transcripts drop constraint no_secrets",
        "violates check constraint",
        "no_secrets",
    ),
    "GIN limit of a topic": Case(
        "transcripts",
        f"update gongio_ft.transcript set topic = {LONG} where {ONE_MONOLOGUE}",
        "select 1",
        "drop index idx_transcripts_topics",
        "index row size",
    ),
    "btree limit of an address": Case(
        "speakers",
        f"update gongio_ft.call_participant set email_address = {LONG} where (call_id, email_address) = (select"
        " gong_call_id, email from speakers join calls on calls.id = call_id where email <> '' order by 1, 2 limit 1)",
        "select 1",
        "drop index idx_speakers_email, idx_speakers_company_side",
        "exceeds btree",
    ),
    "trigger that raises on a call": Case(
        "calls",
        f"update gongio_ft.call set title = 'forbidden' where {ONE_CALL}",
        RAISE.format("if new.title = 'forbidden' then raise exception 'this title is forbidden'; end if;", "calls"),
        "drop function refuse cascade",
        "this title is forbidden",
    ),
    "trigger with a state of its own": Case(
        "emails",
        f"update gongio_ft.email set subject = 'forbidden' where {ONE_EMAIL}",
        RAISE.format("if new.subject = 'forbidden' then raise 'no' using errcode = 'AP001'; end if;", "emails"),
        "drop function refuse cascade",
        "no",
        group="emails",
    ),
    "value too long": Case(
        "opportunities",
        f"update salesforce_ft.opportunity set stage_name = repeat('x', 90) where {ONE_DEAL}",
        "alter table opportunities alter stage type varchar(80)",
        "alter table opportunities alter stage type varchar",
        "value too long for type character varying(80)",
        group="opportunities",
    ),
    "exclusion constraint": Case(
        "emails",
        "update gongio_ft.email set subject = (select subject from emails order by gong_email_id desc limit 1)"
        f" where {ONE_EMAIL}",
        "update emails set subject = gong_email_id; update gongio_ft.email set subject = id;"
        " alter table emails add constraint one_subject exclude using hash (subject with =)",
        "alter table emails drop constraint one_subject",
        "violates exclusion constraint",
        "one_subject",
        group="emails",
    ),
    "foreign key of the application": Case(
        "calls",
        f"update gongio_ft.call set purpose = 'unknown' where {ONE_CALL}",
        "create table purposes (name varchar primary key); insert into purposes select distinct call_type from calls"
        " where call_type is not null;"
        " alter table calls add constraint known foreign key (call_type) references purposes",
        "insert into purposes values ('unknown')",
        "violates foreign key constraint",
        "known",
    ),
    "deferred constraint trigger": Case(
        "transcripts",
        f"update gongio_ft.transcript set sentence = 'a secret' where {ONE_MONOLOGUE}",
        "create function refuse() returns trigger language plpgsql as"
        " $$begin if new.text ~ 'secret' then raise exception 'too late'; end if; return null; end$$;"
        " create constraint trigger refuse after insert or update on transcripts deferrable initially deferred"
        " for each row execute function refuse()",
        "drop function refuse cascade",
        "too late",
    ),
    "generated column": Case(
        "transcripts",
        "update gongio_ft.transcript set sentence ="
        """ '[{"start": 7, "end": 8, "text": "at seven"}]'"""
        f" where {ONE_MONOLOGUE}",
        "alter table transcripts add share int generated always as (1000 / (start_time_ms - 7)) stored",
        "alter table transcripts drop share",
        "division by zero",
    ),
}
FAST = ("check of a monologue", "trigger that raises on a call", "deferred constraint trigger")
PARAMETERS = [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in CASES]


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("is_new", [pytest.param(False, id="published"), pytest.param(True, id="new")])
def test_one_bad_row_stops_no_other(synced: Deployment, name: str, is_new: bool) -> None:
    case = CASES[name]
    synced.query(case.rule)
    publish_everything(synced, case.group)
    before = contents(synced)
    synced.query(case.change)
    if is_new:
        synced.query(f"truncate {case.group} cascade")
    outcomes = {t.name: o for t, o in publish_everything(synced, case.group).outcomes.items()}

    ((table, reason, constraint),) = rejections(synced)
    assert table == case.table
    assert case.message in reason
    assert constraint == case.constraint or case.constraint is None
    assert outcomes[case.table].isolated == 1
    assert status(synced, case.table) == "partial"
    bad = contents(synced)
    with connect(synced.settings) as database:
        plan = make_plan(database, synced.settings)
    assert not any(plan.tables[name].changes for name in outcomes), "a row that cannot be written is no difference"

    synced.query(case.end)
    publish(synced, case.group)
    assert rejections(synced) == []
    repaired = contents(synced)
    changed = {key for key in before.keys() | repaired.keys() if before.get(key) != repaired.get(key)}
    late = {key for key in bad.keys() | repaired.keys() if bad.get(key) != repaired.get(key)}
    assert {key for key in late if key[0] == case.table}
    if not is_new:
        assert late <= changed
        assert {table for table, _ in late} <= {case.table, "transcripts", "calls"}
    assert len(late) < len(repaired) / 4


FORBIDDEN = {
    "a call": (
        "calls",
        "create function keep() returns trigger language plpgsql as $$begin raise exception 'this call stays'; end$$;"
        " create trigger keep before delete on calls for each row when (old.gong_call_id = '{}')"
        " execute function keep()",
        "this call stays",
    ),
    "a monologue of the call": (
        "calls",
        "create function keep() returns trigger language plpgsql as"
        " $$begin if (select gong_call_id from calls where id = old.call_id) = '{}' then raise exception 'kept'"
        " using errcode = 'restrict_violation'; end if; return old; end$$;"
        " create trigger keep before delete on transcripts for each row execute function keep();"
        " create function keep_call() returns trigger language plpgsql as"
        " $$begin if old.gong_call_id = '{}' then delete from transcripts where call_id = old.id; end if;"
        " return old; end$$;"
        " create trigger keep_call before delete on calls for each row execute function keep_call()",
        "kept",
    ),
}


@pytest.mark.parametrize("name", ["a call", pytest.param("a monologue of the call", marks=pytest.mark.slow)])
def test_a_forbidden_deletion_stops_no_other(synced: Deployment, name: str) -> None:
    table, rule, message = FORBIDDEN[name]
    (kept,), (other,) = synced.query("select gong_call_id from calls order by gong_call_id limit 2")
    synced.query(rule.replace("{}", kept))
    before = {key for key in contents(synced) if key[0] != "emails"}
    synced.query("update gongio_ft.call set _fivetran_deleted = true where id in (%s, %s)", [kept, other])
    publish_everything(synced)
    ((rejected_in, reason, _),) = rejections(synced)
    assert (rejected_in, message in reason) == (table, True)
    assert status(synced, table) == "partial"
    present = "select gong_call_id from calls where gong_call_id in (%s, %s)"
    assert synced.query(present, [kept, other]) == [(kept,)]

    publish(synced)
    assert synced.query(present, [kept, other]) == [(kept,)], "it is tried again, and stays"
    synced.query("drop function keep cascade")
    publish(synced)
    assert synced.query(present, [kept, other]) == []
    assert rejections(synced) == []
    assert before >= {key for key in contents(synced) if key[0] != "emails"}


AGGREGATES = {
    "a deferred constraint that a call meets only with its speakers": (
        "create function check_call() returns trigger language plpgsql as $$begin"
        " if not exists (select from speakers where call_id = new.id) then raise exception 'nobody speaks'"
        " using errcode = 'check_violation'; end if; return null; end$$;"
        " create constraint trigger check_call after insert or update on calls deferrable initially deferred"
        " for each row execute function check_call()"
    ),
    "a deferred constraint that counts the monologues": (
        "create function check_call() returns trigger language plpgsql as $$begin"
        " if not exists (select from transcripts where call_id = new.id) then raise exception 'nobody speaks';"
        " end if; return null; end$$;"
        " create constraint trigger check_call after insert on calls deferrable initially deferred"
        " for each row execute function check_call()"
    ),
}


@pytest.mark.parametrize("rule", AGGREGATES.values(), ids=AGGREGATES)
@pytest.mark.slow
def test_a_call_that_is_rejected_with_its_parts_stops_no_other(synced: Deployment, rule: str) -> None:
    synced.query("delete from gongio_ft.call where id not in (select call_id from gongio_ft.transcript)")
    publish_everything(synced)
    calls = synced.query("select gong_call_id from calls join transcripts on call_id = calls.id group by 1 order by 1")
    (silent,) = calls[0]
    for part in ("call_speaker", "call_participant", "transcript"):
        synced.query(f"create table {part}_kept as select * from gongio_ft.{part} where call_id = %s", [silent])
        synced.query(f"delete from gongio_ft.{part} where call_id = %s", [silent])
    synced.query(f"truncate calls cascade; {rule}")
    publish_everything(synced)
    rejected = {reason for _, reason, _ in rejections(synced)}
    assert rejected == {"nobody speaks"}
    published = {key for (key,) in synced.query("select gong_call_id from calls")}
    assert silent not in published
    assert {key for (key,) in calls[1:]} <= published

    for part in ("call_speaker", "call_participant", "transcript"):
        synced.query(f"insert into gongio_ft.{part} select * from {part}_kept")
    publish(synced)
    assert (silent,) in synced.query("select gong_call_id from calls")


def test_rows_that_a_trigger_discards_are_rejected(synced: Deployment) -> None:
    synced.query(
        "create function swallow() returns trigger language plpgsql as"
        " $$begin if new.sequence_number = 3 then return null; end if; return new; end$$;"
        " truncate calls cascade;"
        " create trigger swallow before insert on transcripts for each row execute function swallow()"
    )
    publish_everything(synced)
    rejected = rejections(synced)
    assert {reason for _, reason, _ in rejected} == {"A trigger or a rule of the application discarded the row."}
    third = "select count(*) from transcripts where sequence_number = 3"
    assert synced.query(third) == [(0,)]
    synced.query("drop function swallow cascade")
    publish(synced)
    assert rejections(synced) == []
    assert synced.query(third) == [(len(rejected),)]


def test_many_rejected_rows_are_tried_again_in_parts(synced: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coaching_assets.publish.retry.MOST_TRIED", 5)
    before = contents(synced)
    synced.query("truncate calls cascade; alter table speakers add team text not null")
    publish_everything(synced)
    assert len(rejections(synced)) == len([key for key in before if key[0] == "speakers"])
    assert len([key for key in contents(synced) if key[0] == "transcripts"]) > 0, "monologues need no speaker"
    synced.query("alter table speakers alter team drop not null")
    publish(synced)
    assert rejections(synced) == []
    synced.query("alter table speakers drop team")
    assert {k: v for k, v in contents(synced).items() if k[0] != "emails"} == {
        k: v for k, v in before.items() if k[0] != "emails"
    }
