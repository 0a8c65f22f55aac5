"""Rows that the application's constraints reject or that it holds locked never stop the others."""

import json
from pathlib import Path
from random import Random

import pytest

from coaching_assets.demo.sample import Sample, TableKey, generate
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres
from coaching_assets_tests.conformance.environments import Environment
from coaching_assets_tests.conformance.installation import Installation, installed_in
from coaching_assets_tests.support.editing import edited, found_differences

pytestmark = pytest.mark.postgres
LEAST_RIGHTS = Environment("least rights", has_least_rights=True)
CALL: TableKey = ("gong", "call")
LONG_TEXT = "".join(Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9000))
REASONS = (
    *("title_is_short", "one_kickoff", "character varying(40)", "has_account", "known_subject"),
    *("index row requires", "secrets are not stored", "nobody does not speak"),
)
"""What Postgres says of each rejected row."""


def sentence(text: str) -> str:
    return json.dumps([{"start": 0, "end": 9, "text": text}])


def with_bad_rows(installation: Installation, sample: Sample) -> Sample:
    """One change at the source for each constraint, all in rows that are published already."""
    calls = [key for (key,) in installation.query("select gong_call_id from calls order by 1")]
    emails = [key for (key,) in installation.query("select gong_email_id from emails order by 1")]
    deals = [key for (key,) in installation.query("select gong_opportunity_id from opportunities order by 1")]
    lines = installation.query(
        "select distinct on (gong_call_id) gong_call_id, sequence_number::text"
        " from transcripts join calls on calls.id = call_id order by 1, sequence_number"
    )
    participant = next(
        row for row in sample.rows("gong", "call_participant") if row["call_id"] == calls[4] and row["speaker_id"]
    )
    edits: list[tuple[TableKey, dict[str, object], dict[str, object]]] = [
        (CALL, {"id": calls[0]}, {"title": "Far too long"}),
        (CALL, {"id": calls[1]}, {"title": "Kick-off"}),
        (CALL, {"id": calls[2]}, {"title": "Kick-off"}),
        (CALL, {"id": calls[3]}, {"title": "A call without fault"}),
        (("gong", "call_participant"), {"id": participant["id"]}, {"name": "Nobody"}),
        (("salesforce", "opportunity"), {"id": deals[0]}, {"stage_name": "S" * 41}),
        (("salesforce", "opportunity"), {"id": deals[1]}, {"name": "No account"}),
        (("salesforce", "opportunity"), {"id": deals[2]}, {"name": "A deal without fault"}),
        (("gong", "email"), {"id": emails[0]}, {"subject": "Same subject"}),
        (("gong", "email"), {"id": emails[1]}, {"subject": "Same subject"}),
        (("gong", "email"), {"id": emails[2]}, {"subject": "A subject without fault"}),
    ]
    for (call, index), text in zip(lines[-3:], (LONG_TEXT, "Secret", "Without fault"), strict=True):
        edits.append((("gong", "transcript"), {"call_id": call, "index": index}, {"sentence": sentence(text)}))
    for key, where, values in edits:
        sample = edited(sample, key, where, **values)
    return sample


def test_rejected_rows_are_named_and_the_rest_is_published(
    postgres: EmbeddedPostgres, emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sample = generate(0.05)
    with installed_in(LEAST_RIGHTS, postgres, emulator, monkeypatch) as installation:
        installation.load(sample)
        assert installation.sync().failures == ()
        installation.execute(LEAST_RIGHTS.script("constraints"))
        bad = with_bad_rows(installation, sample)
        installation.load(bad)
        before = installation.query("select count(*) from calls")
        assert installation.sync().failures == ()
        assert installation.query("select count(*) from calls") == before, "a rejected update deletes nothing"
        reasons = [reason for (reason,) in installation.query("select reason from coaching_sync.rejected_rows")]
        missing = [text for text in REASONS if not any(text in reason for reason in reasons)]
        assert missing == [], reasons
        for table, column in (("calls", "title"), ("opportunities", "name"), ("emails", "subject")):
            ((found,),) = installation.query(f"select count(*) from {table} where {column} like '%%without fault'")
            assert found == 1, table
        assert installation.query("select count(*) from transcripts where text = 'Without fault'") == [(1,)]
        status = dict(installation.query("select entity_type, last_sync_status from sync_status"))
        assert {status[name] for name in ("calls", "opportunities", "emails", "transcripts")} == {"partial"}

        installation.execute(LEAST_RIGHTS.script("no_constraints"))
        assert installation.sync().failures == ()
        assert found_differences(installation, bad, tmp_path) == []
        left = [reason for (reason,) in installation.query("select reason from coaching_sync.rejected_rows")]
        assert [text for text in REASONS if any(text in reason for reason in left)] == []


@pytest.mark.parametrize("table", ["calls", "speakers", "transcripts"])
def test_a_locked_row_waits_for_the_next_sync(
    table: str, postgres: EmbeddedPostgres, emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sample = generate(0.03)
    with installed_in(LEAST_RIGHTS, postgres, emulator, monkeypatch) as installation:
        installation.load(sample)
        assert installation.sync().failures == ()
        ((call,),) = installation.query(
            "select gong_call_id from calls join transcripts on call_id = calls.id group by 1 order by 1 limit 1"
        )
        changed = edited(edited(sample, CALL, {}, title="New title"), ("gong", "users"), {}, last_name="Newname")
        changed = edited(changed, ("gong", "transcript"), {"call_id": call}, topic="New topic")
        changed = edited(changed, ("gong", "call_participant"), {"call_id": call}, name="New Name")
        installation.load(changed)
        column = "id" if table == "calls" else "call_id"
        rows = f"select from {table} where {column} = (select id from calls where gong_call_id = %s) for update"
        with installation.connect() as holder, holder.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute(rows, [call])
            assert installation.sync().failures == ()
            titles = dict(installation.query("select gong_call_id, title from calls"))
            assert {title for key, title in titles.items() if key != call} == {"New title"}
            cursor.execute("rollback")
        assert installation.sync().failures == ()
        assert found_differences(installation, changed, tmp_path) == []
