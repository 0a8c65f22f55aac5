"""The oracle's results over small hand-made tables, against results computed by hand: calls, speakers, transcripts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from coaching_assets_tests.oracle import values
from coaching_assets_tests.oracle.samples import call, compute, monologue, write_table

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-03-01T10:00:00Z", datetime(2025, 3, 1, 10)),
        ("2025-03-01T00:30:00+02:00", datetime(2025, 2, 28, 22, 30)),
        ("2025-03-01T10:00:00.5-01:30", datetime(2025, 3, 1, 11, 30, 0, 500000)),
        ("2025-03-01 10:00:00.123456789", datetime(2025, 3, 1, 10, 0, 0, 123457)),
        ("2025-02-29T10:00:00Z", None),
        ("yesterday", None),
        ("2025-03-01", None),
        ("", None),
    ],
)
def test_times(text: str, time: datetime | None) -> None:
    assert values.as_time(text) == time


def test_numbers() -> None:
    assert [values.as_whole(text) for text in ("2.5", "-2.5", "1e3", " 7 ", "2147483647.5")] == [3, -3, 1000, 7, None]
    assert [values.as_whole(text) for text in ("nan", "inf", "1_000", "1,5", "0x10", "")] == [None] * 6
    assert values.as_amount("1234567890123.455") == Decimal("1234567890123.46")
    assert values.as_amount("9999999999999.995") is None
    assert [values.as_score(text) for text in ("100", "100.01", "-1")] == [Decimal("100.00"), None, None]
    assert [values.as_index(text) for text in ("3", "3.0", "3.5", "4294967296", "x", None)] == [3, 3, *[None] * 4]


def test_names_from_addresses() -> None:
    given = ("brian.r@x", "ANNE-marie__o'neil2@x.com", "josé@x", "...@x", "brian")
    assert [values.name_from_address(address) for address in given] == [
        *("Brian R", "Anne Marie O Neil2", "José", None, "Brian")
    ]


def test_a_call_takes_the_lowest_workspace_and_all_workspaces(tmp_path: Path) -> None:
    found = compute(
        tmp_path,
        gong__call=[
            call("c1", "w2", title="two"),
            call("c1", "w10", title="ten", duration=61, purpose="Demo", url="u", call_outcome_name="won", brief=""),
            call("c1", "w0", title="gone", _fivetran_deleted=True),
            call("c2", "w1", _fivetran_deleted=True),
            call(None, "w1"),
        ],
    )
    assert list(found.calls) == ["c1"]
    assert found.calls["c1"] == {
        "title": "ten",
        "scheduled_at": None,
        "duration_seconds": 61,
        "call_type": "Demo",
        "date": None,
        "prefect_reps": [],
        "metadata": {"gong_url": "u", "outcome": "won", "brief": "", "workspace_ids": ["w10", "w2"]},
    }
    assert found.rejected["calls"] == {None}


def test_times_of_calls_as_texts_and_as_timestamps(tmp_path: Path) -> None:
    texts = compute(
        tmp_path / "strings",
        gong__call=[
            call("c1", scheduled="2025-03-01T00:30:00+02:00", started="2025-03-01T00:31:00.25+02:00"),
            call("c2", scheduled="soon", started="2025-03-01T10:00:00Z"),
            call("c3", started="2025-03-01T10:00:00", duration="many"),
        ],
    )
    assert texts.calls["c1"]["scheduled_at"] == datetime(2025, 2, 28, 22, 30)
    assert texts.calls["c1"]["date"] == date(2025, 2, 28)
    assert texts.calls["c1"]["metadata"]["started"] == "2025-02-28T22:31:00.250000Z"
    assert texts.calls["c2"]["scheduled_at"] == texts.calls["c3"]["scheduled_at"] == datetime(2025, 3, 1, 10)
    assert texts.calls["c2"]["metadata"]["validation_warnings"] == ["scheduled_at"]
    assert texts.calls["c3"]["metadata"]["validation_warnings"] == ["duration_seconds"]
    typed = compute(
        tmp_path / "typed",
        gong__call=[call(scheduled=datetime(2025, 3, 1, 1, 2, 3, 4, UTC), is_private=False, duration=None)],
    )
    assert typed.calls["c1"]["scheduled_at"] == datetime(2025, 3, 1, 1, 2, 3, 4)
    assert typed.calls["c1"]["metadata"] == {"is_private": False, "workspace_ids": ["w1"]}


def test_who_is_a_speaker_and_what_they_are_called(tmp_path: Path) -> None:
    found = compute(
        tmp_path,
        "Acme.com",
        gong__call=[call()],
        gong__call_speaker=[
            {"call_id": "c1", "id": "s1", "user_id": "u1", "talk_time": "10.5"},
            {"call_id": "c1", "id": "s2", "talk_time": "20.5"},
            {"call_id": "c1", "id": "s3", "user_id": "u1", "talk_time": "n/a"},
            {"call_id": "c1", "id": "s4", "_fivetran_deleted": True},
            {"call_id": "c9", "id": "s1"},
        ],
        gong__call_participant=[
            {"call_id": "c1", "id": "p2", "speaker_id": "s2", "name": "Zoe"},
            {"call_id": "c1", "id": "p1", "speaker_id": "s2", "name": " ", "email_address": " jo.b@ACME.com "},
            {"call_id": "c1", "id": "p3", "speaker_id": "s4", "name": "Gone"},
            {"call_id": "c1", "id": "p4", "speaker_id": "s5", "user_id": "gone", "affiliation": "INTERNAL"},
            {"call_id": "c1", "id": "p5", "name": "Silent"},
            {"call_id": "c1", "id": "p6", "speaker_id": "s6", "_fivetran_deleted": True, "name": "Gone"},
        ],
        gong__users=[
            {"id": "u1", "email_address": "amy@other.com", "first_name": "Amy", "last_name": ""},
            {"id": "gone", "first_name": "Left", "_fivetran_deleted": True},
        ],
    )
    shown = {key[1]: tuple(row.values()) for key, row in found.speakers.items()}
    assert shown == {
        "s1": ("Amy", "amy@other.com", False, 11, Decimal("33.87")),
        "s2": ("Jo B", "jo.b@ACME.com", True, 21, Decimal("66.13")),
        "s3": ("Amy", "amy@other.com", False, None, None),
        "s5": ("Speaker s5", None, True, None, None),
    }
    assert found.calls["c1"]["prefect_reps"] == ["Jo B", "Speaker s5"]
    assert found.waiting["speakers"] == {("c9", "s1")}


def test_the_participants_user_comes_before_the_speakers(tmp_path: Path) -> None:
    found = compute(
        tmp_path,
        gong__call=[call()],
        gong__call_speaker=[{"call_id": "c1", "id": "s1", "user_id": "u2", "talk_time": 0.0}],
        gong__call_participant=[{"call_id": "c1", "id": "p1", "speaker_id": "s1", "user_id": "u1"}],
        gong__users=[{"id": "u1", "first_name": "A", "last_name": "B"}, {"id": "u2", "first_name": "C"}],
    )
    assert found.speakers["c1", "s1"]["name"] == "A B"
    assert found.speakers["c1", "s1"]["talk_time_seconds"] == 0
    assert found.speakers["c1", "s1"]["talk_time_percentage"] is None


def test_sentences(tmp_path: Path) -> None:
    two = '[{"start": 1200, "end": 2000, "text": "Hi."}, {"start": 2000, "end": 3500, "text": "You\\u0000?"}]'
    found = compute(
        tmp_path,
        gong__call=[call()],
        gong__call_speaker=[{"call_id": "c1", "id": "s1"}],
        gong__transcript=[
            monologue("0", two, topic="Intro", speaker_id="s1"),
            monologue("1", "Plain words", speaker_id="nobody"),
            monologue("2", '{"text": "One", "start": "5"}'),
        ],
    )
    assert found.transcripts["c1", 0] == {
        "speaker": ("Speaker s1", None),
        "start_time_ms": 1200,
        "text": "Hi. You\ufffd?",
        "topics": ["Intro"],
        "chunk_metadata": {"start_ms": 1200, "end_ms": 3500, "duration_ms": 2300, "topic": "Intro"},
    }
    assert found.transcripts["c1", 1] == {
        "speaker": None,
        "start_time_ms": None,
        "text": "Plain words",
        "topics": None,
        "chunk_metadata": {},
    }
    assert found.transcripts["c1", 2]["chunk_metadata"] == {"start_ms": 5}


def test_transcripts_that_are_rejected_or_wait(tmp_path: Path) -> None:
    found = compute(
        tmp_path,
        gong__call=[call(), call("c2", _fivetran_deleted=True)],
        gong__transcript=[
            monologue("1", "fine"),
            monologue(None, "no index"),
            monologue("1.5", "no whole index"),
            monologue("2", None),
            monologue("3", "[]"),
            monologue("4", '[{"text": "broken"'),
            monologue("5", '[{"start": 1}]'),
            monologue("7", "call deleted", "c2"),
            monologue("8", "no call", "c3"),
            monologue("9", "deleted", _fivetran_deleted=True),
        ],
    )
    assert list(found.transcripts) == [("c1", 1)]
    assert found.rejected["transcripts"] == {("c1", index) for index in (None, "1.5", "2", "3", "4", "5")}
    assert found.waiting["transcripts"] == {("c2", "7"), ("c3", "8")}


def test_a_monologue_in_two_workspaces_is_taken_from_the_lowest(tmp_path: Path) -> None:
    rows = [monologue(1, text) | {"workspace_id": space} for text, space in (("b", "w2"), ("a", "w1"), ("c", "w3"))]
    found = compute(tmp_path, gong__call=[call()], gong__transcript=rows)
    assert [row["text"] for row in found.transcripts.values()] == ["a"]


def test_of_rows_of_one_key_the_newest_counts_and_old_versions_do_not(tmp_path: Path) -> None:
    newer = datetime(2025, 6, 2, tzinfo=UTC)
    found = compute(
        tmp_path,
        gong__call=[
            call(title="old"),
            call(title="new", _fivetran_synced=newer),
            call("c2", _fivetran_deleted=False),
            call("c2", _fivetran_deleted=True, _fivetran_synced=newer),
            call("c3", _fivetran_active=False),
        ],
    )
    assert {key: row["title"] for key, row in found.calls.items()} == {"c1": "new"}


def test_nothing_but_calls_is_needed(tmp_path: Path) -> None:
    write_table(tmp_path, "gong.call", [{"id": "c1"}])
    found = compute(tmp_path)
    assert found.counts() == {**dict.fromkeys(found.counts(), 0), "calls": 1}
    assert found.calls["c1"]["metadata"] == {}
    assert compute(tmp_path / "empty").counts() == dict.fromkeys(found.counts(), 0)
