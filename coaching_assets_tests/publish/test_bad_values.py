"""Source values that cannot be what they should be: published with a warning, or rejected until they are repaired."""

from pathlib import Path
from typing import Any

import pytest

from coaching_assets.demo.sample import Sample, TableKey, generate
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited, found_differences, later

CALL: TableKey = ("gong", "call")
SPEAKER: TableKey = ("gong", "call_speaker")
TRANSCRIPT: TableKey = ("gong", "transcript")
EMAIL: TableKey = ("gong", "email")
SENDER: TableKey = ("gong", "email_sender")
RECIPIENT: TableKey = ("gong", "email_recipient")
OPPORTUNITY: TableKey = ("salesforce", "opportunity")

PUBLISHED_DEAL = "0065g0000000CYZAA2"
REPAIRED = '[{"start": 1, "end": 2, "text": "Now we hear you."}]'

SENTENCES: dict[str, str | None] = {
    "9001": '[{"start": 1, "end": 2, "text": "null \\u0000 in JSON, \\\\u0000 in words"}]',
    "9002": "null \x00 in plain text",
    "9003": '[{"start": 1, "end": 2, "text": "cut',
    "9004": None,
    "9005": "[]",
    "#9006": REPAIRED,
    "99999999999": REPAIRED,
}
"""Monologues by their index."""

REJECTED = {
    "9003": "sentence is not valid JSON",
    "9004": "sentence is missing",
    "9005": "sentence has no text",
    "#9006": "index '#9006' is not a 32-bit integer",
    "99999999999": "index '99999999999' is not a 32-bit integer",
}


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate(0.1)


def a_call(sample: Sample) -> str:
    return str(next(row["id"] for row in sample.rows(*CALL) if not row["_fivetran_deleted"]))


def with_bad_values(sample: Sample) -> Sample:
    """The sample with a bad value of each kind, in rows of its own."""
    call = a_call(sample)
    added: dict[TableKey, list[dict[str, Any]]] = {
        CALL: [
            {
                "id": "bad call",
                "workspace_id": "1",
                "scheduled": "soon",
                "started": "2026-02-30T10:00:00Z",
                "duration": 2**40,
            },
            {"id": None, "workspace_id": "1", "title": "without a key"},
            {"id": "bad call", "workspace_id": "1", "title": "an older version of the same row", "hours": 0},
        ],
        SPEAKER: [
            {"id": "twice", "call_id": call, "talk_time": "10", "hours": 0},
            {"id": "twice", "call_id": call, "talk_time": "20"},
            {"id": "unmeasured", "call_id": call, "talk_time": "long"},
        ],
        TRANSCRIPT: [
            *(
                {"call_id": call, "index": index, "workspace_id": "1", "sentence": text}
                for index, text in SENTENCES.items()
            ),
            {"call_id": None, "index": "1", "workspace_id": "1", "sentence": "Said in no call."},
        ],
        EMAIL: [
            {"id": "bad mail", "subject": "When?", "sent_at": "32/13/2026"},
            {"id": None, "subject": "From nowhere"},
        ],
        SENDER: [{"email_id": "bad mail", "email_address": "sales@"}],
        RECIPIENT: [
            {"email_id": "bad mail", "email_address": address} for address in ("not an address", "ann@x.example")
        ],
        OPPORTUNITY: [
            {"id": "too much", "name": "Too much", "amount": "1e20"},
            {"id": "no number", "name": "No number", "amount": "a lot"},
            {"id": "nameless", "name": "  ", "amount": "1"},
        ],
        ("gong", "opportunity"): [{"id": "too much", "name": "Too much", "health_score": 250.0}],
    }
    for key, rows in added.items():
        stamped = [{"_fivetran_synced": later(sample, row.pop("hours", 1)), **row} for row in rows]
        sample = sample.replaced({key: sample[key].appended(stamped)})
    return edited(sample, OPPORTUNITY, {"id": PUBLISHED_DEAL}, name=None)


def repaired(sample: Sample) -> Sample:
    """Every bad value corrected at the source; what cannot be corrected is deleted there."""
    times = {"scheduled": "2026-03-01T10:00:00Z", "started": None, "duration": 60}
    call = a_call(sample)
    sample = edited(sample, CALL, {"id": "bad call"}, hours=2, title="Repaired", **times)
    for index in REJECTED:
        sound = {"sentence": REPAIRED} if index.isdigit() and len(index) == 4 else {"_fivetran_deleted": True}
        sample = edited(sample, TRANSCRIPT, {"call_id": call, "index": index}, hours=2, **sound)
    for key, where in (
        (CALL, {"id": None}),
        (TRANSCRIPT, {"call_id": None}),
        (EMAIL, {"id": None}),
        (SENDER, {"email_address": "sales@"}),
        (RECIPIENT, {"email_address": "not an address"}),
    ):
        sample = edited(sample, key, where, hours=2, _fivetran_deleted=True)
    sender = {"email_id": "bad mail", "email_address": "bo@x.example", "_fivetran_synced": later(sample, 2)}
    sample = sample.replaced({SENDER: sample[SENDER].appended([sender])})
    sample = edited(sample, EMAIL, {"id": "bad mail"}, hours=2, sent_at="2026-03-01T10:00:00Z")
    for deal in ("too much", "no number"):
        sample = edited(sample, OPPORTUNITY, {"id": deal}, hours=2, amount="10.5")
    sample = edited(sample, ("gong", "opportunity"), {"id": "too much"}, hours=2, health_score=25.0)
    for deal in ("nameless", PUBLISHED_DEAL):
        sample = edited(sample, OPPORTUNITY, {"id": deal}, hours=2, name="Named")
    return sample


def test_bad_values_are_published_with_a_warning_or_rejected_until_they_are_repaired(
    synced: Deployment, tenth: Sample, tmp_path: Path
) -> None:
    before = set(synced.query("select published_table, key::text, reason from coaching_sync.rejected_rows"))
    bad = with_bad_values(tenth)
    synced.load(bad)
    assert synced.sync().failures == ()

    assert found_differences(synced, bad, tmp_path / "bad") == []
    news = synced.query(
        "select published_table, coalesce(key ->> 'index', key ->> 'id'), reason, source_row is not null,"
        " published_table || key::text || reason from coaching_sync.rejected_rows"
    )
    known = {"".join(row) for row in before}
    found = {(table, key, reason) for table, key, reason, whole, text in news if text not in known and whole}
    assert found == {
        *(("transcripts", index, reason) for index, reason in REJECTED.items()),
        ("transcripts", "1", "call_id is missing"),
        ("calls", None, "id is missing"),
        ("emails", None, "id is missing"),
        *(("opportunities", deal, "name is missing") for deal in ("nameless", PUBLISHED_DEAL)),
    }
    texts = "select text from transcripts where sequence_number in (9001, 9002) order by sequence_number"
    assert synced.query(texts) == [("null \ufffd in JSON, \\u0000 in words",), ("null \ufffd in plain text",)]
    warnings = dict(
        synced.query(
            "select gong_call_id, metadata -> 'validation_warnings' from calls union all"
            " select gong_email_id, metadata -> 'validation_warnings' from emails union all"
            " select gong_opportunity_id, metadata -> 'validation_warnings' from opportunities"
        )
    )
    assert {text.partition(":")[0] for text in warnings["bad call"]} == {"scheduled_at", "duration_seconds"}
    assert warnings["bad mail"] == [
        "recipients: 'not an address' is no address",
        "sender_email: 'sales@' is no address",
        "sent_at: '32/13/2026' is no time",
    ]
    assert "amount: '1e20' is no number or does not fit" in warnings["too much"]
    assert "health_score: '250' is no number from 0 to 100" in warnings["too much"]
    assert "amount: 'a lot' is no number or does not fit" in warnings["no number"]
    twice = "select count(*), max(talk_time) from gongio_ft.call_speaker where id = 'twice'"
    assert synced.query(twice) == [(1, "20")]
    errors = "select sum(errors_count) from sync_status"
    assert synced.query(errors) == synced.query("select count(*) from coaching_sync.rejected_rows")

    sound = repaired(bad)
    synced.load(sound)
    assert synced.sync().failures == ()
    assert found_differences(synced, sound, tmp_path / "repaired") == []
    assert set(synced.query("select published_table, key::text, reason from coaching_sync.rejected_rows")) == before
    assert synced.query(errors) == [(len(before),)]
    mail = "select sender_email, metadata -> 'validation_warnings' from emails where gong_email_id = 'bad mail'"
    assert synced.query(mail) == [("bo@x.example", None)]


def test_a_key_that_comes_twice_with_the_first_load_is_published_once(deployment: Deployment, sample: Sample) -> None:
    row = next(row for row in sample.rows(*CALL) if not row["_fivetran_deleted"])
    newer = row | {"title": "Newer", "_fivetran_synced": later(sample)}
    twice = sample.replaced({CALL: sample[CALL].appended([newer, row])})
    deployment.load(twice, tables=["call", "call_speaker", "call_participant", "transcript"])
    assert deployment.sync().failures == ()
    assert deployment.query("select count(*) - count(distinct (id, workspace_id)) from gongio_ft.call") == [(0,)]
    assert deployment.query("select title from calls where gong_call_id = %s", [row["id"]]) == [("Newer",)]
