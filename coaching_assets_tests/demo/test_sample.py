"""The sample data: reproducible, of the documented size, and with every kind of odd row."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest

from coaching_assets import catalogue
from coaching_assets.demo.sample import (
    COMPANY_DOMAIN,
    DEFAULT_UNTIL,
    KEYS,
    PLANTED,
    TABLES,
    Connector,
    Sample,
    generate,
)
from coaching_assets.demo.sample.values import rfc_3339
from coaching_assets_tests.demo.planted import assert_planted, gone

pytestmark = pytest.mark.integration


def test_a_sample_is_reproducible_and_survives_writing(strings: Sample, tmp_path: Path) -> None:
    again = generate()
    strings.write(tmp_path)
    read = Sample.read(tmp_path)
    assert (read.scale, read.seed, read.until, read.connector) == (1.0, 7, DEFAULT_UNTIL, "strings")
    for key in TABLES:
        assert strings[key].rows.equals(again[key].rows), key
        assert strings[key].rows.equals(read[key].rows), key
        assert strings[key].fields == read[key].fields
        assert (tmp_path / key[0] / f"{key[1]}.parquet").is_file()


def test_another_seed_gives_another_sample(strings: Sample) -> None:
    other = generate(0.2, seed=8)
    assert {row["name"] for row in other.rows("salesforce", "opportunity")}.isdisjoint([])
    assert other.rows("gong", "users") != generate(0.2, seed=7).rows("gong", "users")


@pytest.mark.parametrize("scale", [0.01, 0.2, 3.0])
def test_other_scales(scale: int) -> None:
    sample = generate(scale)
    for key, table in sample.tables.items():
        rows = table.rows.to_pylist()
        assert rows, key
        assert not all(map(gone, rows)), key
    calls = len({row["id"] for row in sample.rows("gong", "call")})
    assert calls == max(5, round(300 * scale))


def test_sizes_at_scale_1(strings: Sample) -> None:
    monologues = {(row["call_id"], row["index"]) for row in strings.rows("gong", "transcript")}
    assert 18_500 < len(monologues) < 21_500
    assert len({row["id"] for row in strings.rows("gong", "call")}) == 300
    sizes = {key: table.rows.num_rows for key, table in strings.tables.items()}
    assert sizes["salesforce", "account"] == 60
    assert sizes["salesforce", "opportunity"] == 90
    assert sizes["gong", "email"] == 601
    assert sizes["gong", "users"] == sizes["salesforce", "user"] == 25


@pytest.mark.parametrize("connector", ["strings", "typed"])
def test_the_tables_are_those_of_the_catalogue(connector: Connector) -> None:
    sample = generate(0.1, connector=connector)
    assert {(table.source, table.name) for table in catalogue.TABLES} == set(sample.tables)
    for table in catalogue.TABLES:
        columns = {field.name for field in sample[table.source, table.name].fields}
        assert {column.name for column in table.columns if column.required} <= columns
        assert set(table.key) == set(KEYS[table.source, table.name])


@pytest.mark.parametrize("connector", ["strings", "typed"])
def test_keys_are_unique_and_every_row_has_fivetran_s_columns(connector: Connector) -> None:
    sample = generate(connector=connector)
    start = sample.until - timedelta(days=183)
    for key in TABLES:
        rows = sample.rows(*key)
        identities = Counter(tuple(row[column] for column in KEYS[key]) for row in rows)
        assert max(identities.values()) == 1, key
        assert all(start < row["_fivetran_synced"] < sample.until for row in rows), key
        newest = max(row["_fivetran_synced"] for row in rows)
        assert sum(row["_fivetran_synced"] == newest for row in rows) >= 2, key
        assert 1 <= sum(map(gone, rows)) < len(rows) / 5, key
        if key == ("salesforce", "account"):
            assert "_fivetran_deleted" not in rows[0]
        else:
            assert {row["_fivetran_deleted"] for row in rows} == {True, False}, key
        if key[0] == "salesforce":
            assert {row["is_deleted"] for row in rows} == {True, False}, key


def test_types_of_the_two_kinds_of_connector(strings: Sample, typed: Sample) -> None:
    differing = {
        (table, field.name): (field.type, other.type)
        for (kind, table) in TABLES
        for field, other in zip(strings[kind, table].fields, typed[kind, table].fields, strict=True)
        if field.type != other.type
    }
    assert differing == {
        ("call", "scheduled"): ("STRING", "TIMESTAMP"),
        ("call", "started"): ("STRING", "TIMESTAMP"),
        ("call", "metadata"): ("STRING", "JSON"),
        ("call_speaker", "talk_time"): ("STRING", "FLOAT64"),
        ("transcript", "index"): ("STRING", "INT64"),
        ("transcript", "sentence"): ("STRING", "JSON"),
        ("email", "sent_at"): ("STRING", "TIMESTAMP"),
        ("opportunity", "amount"): ("STRING", "FLOAT64"),
        ("opportunity", "close_date"): ("TIMESTAMP", "DATE"),
    }


def test_both_connectors_deliver_the_same_values(strings: Sample, typed: Sample) -> None:
    for text, time in zip(strings.rows("gong", "call"), typed.rows("gong", "call"), strict=True):
        assert text["id"] == time["id"]
        assert datetime.fromisoformat(text["started"]) == time["started"]
    texts = {row["id"]: row["talk_time"] for row in strings.rows("gong", "call_speaker")}
    assert all(float(texts[row["id"]]) == row["talk_time"] for row in typed.rows("gong", "call_speaker"))


def test_times_have_several_formats(strings: Sample) -> None:
    spelled = [
        row[column] for row in strings.rows("gong", "call") for column in ("started", "scheduled") if row[column]
    ]
    assert {time[-1] == "Z" for time in spelled} == {True, False}
    assert {time[-6:] for time in spelled} >= {"+02:00", "-07:00", "+05:30"}
    assert {"." in time for time in spelled} == {True, False}
    assert rfc_3339(datetime(2026, 1, 1, 1, 2, 3, 4, tzinfo=UTC), 4) == "2026-01-01T06:32:03.000004+05:30"


def test_calls(strings: Sample) -> None:
    rows = sorted(strings.rows("gong", "call"), key=lambda row: row["id"])
    calls = [list(group) for _, group in groupby(rows, key=lambda row: row["id"])]
    assert all(re.fullmatch(r"\d{17,19}", row["id"]) for row in rows)
    assert sum(len(group) == 2 for group in calls) == PLANTED["call in two workspaces"]
    deleted = [[gone(row) for row in group] for group in calls]
    assert_planted(sum(all(group) for group in deleted), "call deleted")
    assert_planted(sum({*group} == {True, False} for group in deleted), "call deleted in one of two workspaces")
    assert_planted(sum(row["scheduled"] is None for row in rows), "call without scheduled")
    for piece in ('"', "🚀", "ö", "\n", "\\"):
        assert sum(piece in row["title"] for row in rows) >= 2
    deals = {row["id"] for row in strings.rows("salesforce", "opportunity")}
    named = [json.loads(row["metadata"])["opportunity_id"] for row in rows if row["metadata"]]
    assert_planted(sum(name in deals for name in named), "call with metadata")
    assert_planted(sum(name not in deals for name in named), "call with metadata of a missing opportunity")


def test_speakers_and_participants(strings: Sample) -> None:
    speakers, participants = strings.rows("gong", "call_speaker"), strings.rows("gong", "call_participant")
    durations = {row["id"]: row["duration"] for row in strings.rows("gong", "call")}
    talk: Counter[str] = Counter()
    for row in speakers:
        assert float(row["talk_time"]) % 1 != 0.5
        talk[row["call_id"]] += float(row["talk_time"])
    assert all(seconds <= durations[call] for call, seconds in talk.items())
    spoke = {row["speaker_id"] for row in participants}
    assert_planted(sum(row["id"] not in spoke for row in speakers), "speaker without participant")
    assert sum(row["speaker_id"] is None for row in participants) == 300
    unnamed = [row for row in participants if not (row["name"] or "").strip()]
    addressless = [row for row in unnamed if not (row["email_address"] or "").strip()]
    assert_planted(len(unnamed) - len(addressless), "participant without name")
    assert_planted(len(addressless), "participant without name and address")
    assert {row["affiliation"] for row in participants} == {"Internal", "External", "Unknown"}
    unknown = [row for row in participants if row["affiliation"] == "Unknown"]
    ours = [row for row in unknown if (row["email_address"] or "").lower().endswith("@" + COMPANY_DOMAIN)]
    assert_planted(len(ours), "participant from the company of unknown affiliation")
    assert_planted(len(unknown) - len(ours), "participant of unknown affiliation")
    assert sum(row["user_id"] is None for row in participants) > 300


def test_transcripts(strings: Sample) -> None:
    rows = strings.rows("gong", "transcript")
    sentences = [row["sentence"] for row in rows]
    plain = [text for text in sentences if text and text[0] not in "[{"]
    assert_planted(len(plain), "transcript in plain text")
    assert_planted(sentences.count(None), "transcript without sentence")
    broken = [text for text in sentences if text and text[0] == "[" and not text.endswith("]")]
    assert_planted(len(broken), "transcript with broken JSON")
    for text in broken:
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)
    assert_planted(sum(not row["index"].isdigit() for row in rows), "transcript with an index that is not a number")
    assert_planted(sum(row["topic"] is None for row in rows), "transcript without topic")
    calls = {row["id"]: row for row in strings.rows("gong", "call")}
    assert len({row["call_id"] for row in rows if row["call_id"] not in calls}) == 3
    speakers = {row["id"] for row in strings.rows("gong", "call_speaker")}
    unknown = [row for row in rows if row["call_id"] in calls and row["speaker_id"] not in speakers]
    assert_planted(len(unknown), "transcript of an unknown speaker")
    assert len({row["workspace_id"] for row in rows}) == 2


def test_monologues_follow_each_other_within_the_call(strings: Sample) -> None:
    durations = {row["id"]: row["duration"] * 1000 for row in strings.rows("gong", "call")}
    last: dict[tuple[str, str], int] = {}
    rows = [row for row in strings.rows("gong", "transcript") if row["index"].isdigit() and row["call_id"] in durations]
    texts: Counter[str] = Counter()
    for row in sorted(rows, key=lambda row: int(row["index"])):
        if not row["sentence"] or not row["sentence"].startswith("[") or not row["sentence"].endswith("]"):
            continue
        place = row["call_id"], row["workspace_id"]
        for sentence in json.loads(row["sentence"]):
            assert last.get(place, 0) <= sentence["start"] < sentence["end"] <= durations[row["call_id"]]
            last[place] = sentence["end"]
            texts[sentence["text"]] += 1
    assert len(texts) > 1500
    for piece in ('"', "\n", "🎉", "ß", "谢谢", "\\"):
        assert sum(number for text, number in texts.items() if piece in text) >= 3


def test_links(strings: Sample) -> None:
    rows = strings.rows("gong", "call_context_integration")
    deals = {row["id"] for row in strings.rows("salesforce", "opportunity")}
    accounts = {row["id"] for row in strings.rows("salesforce", "account")}
    to_deals = [row["object_id"] for row in rows if row["object_type"] == "Opportunity"]
    to_accounts = [row["object_id"] for row in rows if row["object_type"] == "Account"]
    assert_planted(len(to_accounts), "link to an account")
    assert set(to_accounts) <= accounts
    assert_planted(sum(name not in deals for name in to_deals), "link to a missing opportunity")
