"""What `coaching erase` takes and leaves, and that no later sync brings it back."""

import json
from functools import partial
from pathlib import Path

import pytest
from psycopg2 import sql

from coaching_assets.demo.sample import Sample, TableKey
from coaching_assets.erasure.erase import CannotErase, Request, erase
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import Row, changed_rows, found_differences, reimported, without_rows
from coaching_assets_tests.support.processes import coaching

PERSON = "kenji.fischer@northbeam.example"
PERSON_WITH_LONGER_ADDRESS = f"not.{PERSON}"

HANGING_TABLES = """
    create schema people;
    create table coaching_sessions (
        id serial primary key, rep_id uuid references speakers (id) on delete cascade, note text
    );
    create table people.feedback (
        id serial primary key, note text,
        session_id int not null references public.coaching_sessions (id) on delete cascade
    );
    create table reviews (call_id uuid references calls (id) on delete cascade, note text)
"""


def without_person(sample: Sample) -> Sample:
    """The sample as it would be had the person never been recorded."""
    participants = sample.rows("gong", "call_participant")
    spoke = {(p["call_id"], p["speaker_id"]) for p in participants if p["email_address"] == PERSON and p["speaker_id"]}
    assert spoke
    sent = {row["email_id"] for row in sample.rows("gong", "email_sender") if row["email_address"] == PERSON}
    assert sent
    sample = without_rows(
        sample,
        {
            ("gong", "email"): "id",
            ("gong", "email_sender"): "email_id",
            ("gong", "email_recipient"): "email_id",
        },
        sent,
    )
    for key, column in (("call_participant", "speaker_id"), ("call_speaker", "id"), ("transcript", "speaker_id")):
        sample = changed_rows(
            sample,
            ("gong", key),
            lambda row, column=column: None if (row["call_id"], row[column]) in spoke else row,
        )
    by_address: dict[TableKey, str] = {
        ("gong", "call_participant"): "email_address",
        ("gong", "email_recipient"): "email_address",
        ("gong", "users"): "email_address",
        ("salesforce", "user"): "email",
    }
    sample = without_rows(sample, by_address, {PERSON})
    return changed_rows(
        sample,
        ("gong", "opportunity"),
        lambda row: row | {"owner_email": None if row["owner_email"] == PERSON else row["owner_email"]},
    )


def with_a_new_call_of_theirs(sample: Sample) -> Sample:
    """With a call that the person and somebody else take part in, of which Gong's speakers bear no address."""
    stamp = {"_fivetran_synced": sample.until, "_fivetran_deleted": False, "call_id": "new call"}
    addresses = {"s1": PERSON, "s2": "guest@acme.example"}
    added: dict[TableKey, list[Row]] = {
        ("gong", "call"): [{"id": "new call", "workspace_id": "1", "title": "After the erasure"}],
        ("gong", "call_speaker"): [{"id": speaker, "talk_time": "30"} for speaker in addresses],
        ("gong", "call_participant"): [
            {"id": f"p{speaker}", "speaker_id": speaker, "email_address": address}
            for speaker, address in addresses.items()
        ],
        ("gong", "transcript"): [
            {"index": str(place), "workspace_id": "1", "speaker_id": speaker, "sentence": f"I am {speaker}."}
            for place, speaker in enumerate(addresses)
        ],
    }
    return sample.replaced({key: sample[key].appended([row | stamp for row in rows]) for key, rows in added.items()})


def tables_that_mention(deployment: Deployment, *values: str) -> dict[str, int]:
    """The tables of all schemas that contain one of the values, with the number of rows."""
    found = {}
    for schema, name in deployment.query(
        "select schemaname, tablename from pg_tables where schemaname !~ '^pg_' and schemaname <> 'information_schema'"
    ):
        with deployment.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "select count(*) from {} as row where exists (select from unnest(%s) as value"
                    " where row::text ~* ('(^|[^a-z0-9.])' || regexp_replace(value, '[.]', '\\.', 'g')))"
                ).format(sql.Identifier(schema, name)),
                (list(values),),
            )
            if count := cursor.fetchone()[0]:
                found[f"{schema}.{name}"] = count
    return found


def with_odd_mentions(sample: Sample) -> Sample:
    """With the address in other people's words: in plain text, in JSON after an escape, within a longer address."""
    lines = sample["gong", "transcript"]
    text = json.dumps(
        [{"start": 0, "end": 9, "text": f"Write to:\n{PERSON.title()}, or {PERSON_WITH_LONGER_ADDRESS}."}]
    )
    call = next(row["call_id"] for row in sample.rows("gong", "call_participant") if row["email_address"] != PERSON)
    line = {"call_id": call, "index": "9000", "workspace_id": "1", "sentence": text}
    return sample.replaced(
        {
            ("gong", "transcript"): lines.appended(
                [line | {"_fivetran_synced": sample.until, "_fivetran_deleted": False}]
            )
        }
    )


def test_a_person_is_erased_everywhere_and_does_not_come_back(
    synced: Deployment, tenth: Sample, tmp_path: Path
) -> None:
    sample = with_odd_mentions(tenth)
    synced.load(sample)
    assert synced.sync().failures == ()
    synced.query(HANGING_TABLES)
    synced.query("insert into coaching_sessions (rep_id, note) select id, name from speakers where company_side")
    synced.query("insert into people.feedback (session_id, note) select id, 'well done' from coaching_sessions")
    synced.query(
        "with legacy as (insert into calls (gong_call_id) values ('legacy') returning id)"
        " insert into speakers (call_id, name, email) select id, 'Kenji', %s from legacy",
        [PERSON.upper()],
    )
    assert "public.emails" in tables_that_mention(synced, PERSON)
    sessions = synced.query(
        "select count(*) from coaching_sessions join speakers on speakers.id = rep_id where email = %s", [PERSON]
    )[0][0]
    others = (
        "select sessions.*, feedback.* from coaching_sessions as sessions"
        " join people.feedback on session_id = sessions.id join speakers on speakers.id = rep_id"
        " where email is distinct from %s order by 1"
    )
    kept = synced.query(others, [PERSON])
    assert sessions and kept

    asked = coaching("erase", "--email", f" {PERSON.upper()}", "--dry-run")
    assert asked.returncode == 0, asked.stderr
    assert "would be erased" in asked.stdout
    assert "people.feedback" in asked.stdout
    assert "public.emails" in tables_that_mention(synced, PERSON), "a dry run only prints"
    assert synced.query("select count(*) from coaching_sync.erasures") == [(0,)]

    done = coaching("erase", "--email", PERSON, "--yes")
    assert done.returncode == 0, done.stderr
    assert "Still mentioned" not in done.stdout
    # feedback about Kenji is deleted too, no matter who wrote it, and the output says so
    assert tables_that_mention(synced, PERSON) == {}
    assert synced.query("select count(*) from speakers where name = 'Kenji'") == [(0,)]
    assert synced.query(others, [PERSON]) == kept
    assert synced.query("select count(*) from coaching_sessions") == [(len(kept),)]
    assert synced.query(
        "select count(*) from transcripts where text like %s", [f"%[erased], or {PERSON_WITH_LONGER_ADDRESS}%"]
    ) == [(1,)]
    requested, who, login, rows = synced.query(
        "select requested, database_user, system_login, rows_taken from coaching_sync.erasures"
    )[0]
    assert requested == {"address": 1}
    assert who == "postgres" and login
    assert rows["deleted by cascade, the application's own"] == {
        "people.feedback": sessions,
        "public.coaching_sessions": sessions,
    }
    assert rows["deleted from the replica"]["gongio_ft.users"] == 1

    # a new call of theirs; the old rows under the same keys, with another address; and all else once more
    again = changed_rows(
        reimported(sample),
        ("gong", "call_participant"),
        lambda row: row | {"email_address": "kenji@elsewhere.example"} if row["email_address"] == PERSON else row,
    )
    synced.load(with_a_new_call_of_theirs(again))
    report = synced.sync()
    assert report.failures == ()
    assert tables_that_mention(synced, PERSON, "kenji@elsewhere.example") == {}
    synced.query("delete from calls where gong_call_id = 'legacy'")
    redacted = changed_rows(
        without_person(with_a_new_call_of_theirs(sample)),
        ("gong", "transcript"),
        lambda row: row | {"sentence": row["sentence"] and row["sentence"].replace(PERSON.title(), "[erased]")},
    )
    redacted = changed_rows(
        redacted,
        ("gong", "email"),
        lambda row: row | {"reply_to": None if row["reply_to"] == PERSON else row["reply_to"]},
    )
    assert found_differences(synced, redacted, tmp_path) == []


def rows_by_table(deployment: Deployment) -> dict[str, set[str]]:
    """Every row of the application's tables, as text."""
    tables = deployment.query(
        "select tablename from pg_tables where schemaname = 'public' and tablename <> 'sync_status'"
    )
    return {
        name: {row for (row,) in deployment.query(f'select row::text from public."{name}" as row')}
        for (name,) in tables
    }


@pytest.mark.slow
def test_a_call_and_a_deal_are_erased_with_what_hangs_on_them(
    synced: Deployment, tenth: Sample, tmp_path: Path
) -> None:
    deal, emails_of_deal = synced.query(
        "select gong_opportunity_id, count(*) from opportunities join emails on opportunity_id = opportunities.id"
        " group by 1 order by 2 desc, 1 limit 1"
    )[0]
    call = synced.query("select min(gong_call_id) from calls")[0][0]
    synced.query(HANGING_TABLES)
    synced.query(
        "create table signatures (deal uuid references opportunities (id), note text);"
        "insert into signatures select id, 'signed' from opportunities where gong_opportunity_id = %s",
        [deal],
    )
    synced.query("insert into reviews (call_id, note) select id, 'good' from calls")
    request = Request.of([call], [], [deal])
    before = rows_by_table(synced)

    with pytest.raises(CannotErase, match=r"public\.signatures \(foreign key signatures_deal_fkey\)"):
        erase(synced.settings, request)
    assert rows_by_table(synced) == before
    synced.query("drop table signatures")
    del before["signatures"]

    erasure = erase(synced.settings, request)
    assert erasure.cascaded == {"public.reviews": 1}
    assert erasure.published["public.calls"] == erasure.published["public.opportunities"] == 1
    assert erasure.published["public.emails"] == emails_of_deal
    assert erasure.remaining == {}
    assert tables_that_mention(synced, call, deal) == {}
    after = rows_by_table(synced)
    assert all(after[name] <= before[name] for name in before), "what stays, stays byte for byte"

    synced.load(reimported(tenth))
    assert synced.sync().failures == ()
    assert tables_that_mention(synced, call, deal) == {}
    assert rows_by_table(synced) == after
    emails = {row["id"] for row in tenth.rows("gong", "email") if row["opportunity_id"] == deal}
    gone = without_rows(
        tenth,
        {
            ("gong", "call"): "id",
            **{("gong", name): "call_id" for name in ("call_speaker", "call_participant", "transcript")},
            ("gong", "email"): "id",
            ("gong", "opportunity"): "id",
            ("salesforce", "opportunity"): "id",
            ("salesforce", "opportunity_history"): "opportunity_id",
            ("salesforce", "opportunity_field_history"): "opportunity_id",
        },
        {call, deal, *emails},
    )
    links: TableKey = ("gong", "call_context_integration")
    gone = changed_rows(gone, links, lambda row: None if row["call_id"] == call or row["object_id"] == deal else row)
    gone = changed_rows(
        gone,
        ("gong", "call"),
        lambda row: row | {"metadata": None if deal in (row["metadata"] or "") else row["metadata"]},
    )
    assert found_differences(synced, gone, tmp_path) == []


def test_erasing_asks_first_and_names_what_is_missing(deployment: Deployment) -> None:
    nothing = coaching("erase")
    assert nothing.returncode == 1
    assert "--call ID, --email ADDRESS or --opportunity ID" in nothing.stderr

    erase = partial(coaching, "erase", "--call", "1")
    assert "Erase this for good?" in erase(typed="n\n").stdout
    assert erase().returncode == 1
    assert deployment.query("select count(*) from coaching_sync.erasures") == [(0,)]
    assert erase(typed="y\n").stdout.count("No row matches.") == 2
    assert deployment.query("select requested from coaching_sync.erasures") == [({"call": 1},)]
