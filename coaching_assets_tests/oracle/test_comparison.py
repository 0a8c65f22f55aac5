"""What the oracle reads from a real Postgres, and what it says about differences."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from coaching_assets.demo.servers import EmbeddedPostgres
from coaching_assets_tests.oracle import Expected, actual, differences
from coaching_assets_tests.oracle.samples import call, compute, deal, monologue

pytestmark = pytest.mark.integration
NUMBERS = count(1)

TABLES = """
    create schema coach;
    set search_path = coach;
    create table calls (
        id uuid primary key default gen_random_uuid(), gong_call_id varchar, title varchar, scheduled_at timestamp,
        duration_seconds int, call_type varchar, date date, prefect_reps varchar[] default '{}', metadata jsonb
    );
    create table speakers (
        id uuid primary key default gen_random_uuid(), call_id uuid, name varchar, email varchar, company_side boolean,
        talk_time_seconds int, talk_time_percentage decimal(5, 2)
    );
    create table transcripts (
        call_id uuid, speaker_id uuid, sequence_number int, start_time_ms int, text text, topics varchar[],
        chunk_metadata jsonb
    );
    create table opportunities (
        id uuid primary key default gen_random_uuid(), gong_opportunity_id varchar, name varchar, account_name varchar,
        owner_email varchar, stage varchar, close_date date, amount decimal(15, 2), health_score decimal(5, 2),
        metadata jsonb
    );
    create table emails (
        gong_email_id varchar, opportunity_id uuid, subject varchar, sender_email varchar, recipients varchar[],
        sent_at timestamptz, body_snippet text, metadata jsonb
    );
    create table call_opportunities (call_id uuid, opportunity_id uuid);
    set time zone 'Asia/Tokyo';
"""
CONTENT = """
    insert into calls (gong_call_id, title, scheduled_at, date, prefect_reps, metadata) values
        ('c1', 'Hello', '2025-03-01 10:00', '2025-03-01', '{Amy}', '{"workspace_ids": ["w1"], "outcome": null}');
    insert into speakers (call_id, name, email, company_side, talk_time_seconds, talk_time_percentage)
        select id, 'Amy', 'amy@x', true, 10, 100 from calls;
    insert into transcripts (call_id, speaker_id, sequence_number, text)
        select call_id, id, 1, 'Good morning' from speakers;
    insert into opportunities (gong_opportunity_id, name, account_name, owner_email, amount, metadata) values
        ('d1', 'Deal d1', 'A', 'o@x', 5, '{"source": "gong"}');
    insert into call_opportunities select calls.id, opportunities.id from calls, opportunities;
    insert into emails (gong_email_id, opportunity_id, recipients, sent_at, metadata)
        select 'e1', id, '{}', '2025-03-01T10:00:00Z', '{"validation_warnings": ["sender_email: there is none"]}'
        from opportunities;
"""


@pytest.fixture(scope="module")
def database(postgres: EmbeddedPostgres) -> Iterator[Connection]:
    """A connection to a database with a few of the application's rows in schema `coach`."""
    name = f"comparison{next(NUMBERS)}"
    postgres.create_database(name)
    connection = psycopg2.connect(postgres.url(name))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(TABLES + CONTENT)
    yield connection
    connection.close()


@pytest.fixture
def wanted(tmp_path: Path) -> Expected:
    """What the rows in the database must be."""
    return compute(
        tmp_path,
        gong__call=[
            call(title="Hello", scheduled="2025-03-01T10:00:00Z", metadata=json.dumps({"opportunity_id": "d1"}))
        ],
        gong__call_speaker=[{"call_id": "c1", "id": "s1", "user_id": "u1", "talk_time": "10.4"}],
        gong__call_participant=[{"call_id": "c1", "id": "p1", "speaker_id": "s1", "affiliation": "Internal"}],
        gong__users=[{"id": "u1", "first_name": "Amy", "email_address": "amy@x"}],
        gong__transcript=[monologue("1", "Good morning", speaker_id="s1")],
        gong__opportunity=[deal(amount=5, account_name="A", owner_email="o@x")],
        gong__email=[{"id": "e1", "sent_at": "2025-03-01T10:00:00Z", "opportunity_id": "d1"}],
    )


def test_what_is_equal_is_equal(database: Connection, wanted: Expected) -> None:
    found = actual(database, "coach")
    assert found.counts() == wanted.counts() == dict.fromkeys(wanted.counts(), 1)
    assert found.emails["e1"]["sent_at"] == datetime(2025, 3, 1, 10)
    assert differences(wanted, found) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("update calls set title = 'b'", "calls c1: title: expected 'Hello', got 'b'"),
        (
            'update calls set metadata = metadata || \'{"brief": "x"}\'',
            "calls c1: metadata.brief: expected nothing, got 'x'",
        ),
        ("delete from transcripts", "transcripts ('c1', 1): missing"),
        ("insert into transcripts select * from transcripts", "transcripts (('c1', 1), 'duplicate', 2): extra"),
        (
            "update transcripts set speaker_id = null",
            "transcripts ('c1', 1): speaker: expected ('Amy', 'amy@x'), got None",
        ),
        (
            "update speakers set talk_time_percentage = 99.99",
            "speakers c1: missing: ('Amy', 'amy@x', True, 10, 100.00)",
        ),
        ("update opportunities set amount = 5.01", "opportunities d1: amount: expected 5.00, got 5.01"),
        ("update emails set opportunity_id = null", "emails e1: opportunity: expected 'd1', got None"),
        ("delete from call_opportunities", "call_opportunities ('c1', 'd1'): missing"),
        (
            "update emails set sent_at = sent_at + interval '1 us'",
            f"emails e1: sent_at: expected {datetime(2025, 3, 1, 10)!r}, got {datetime(2025, 3, 1, 10, 0, 0, 1)!r}",
        ),
    ],
)
def test_each_change_is_seen(database: Connection, wanted: Expected, change: str, line: str) -> None:
    with database.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute(change)
        lines = differences(wanted, actual(database, "coach"))
        cursor.execute("rollback")
    assert line in lines
    assert len(lines) == (2 if line.startswith("speakers") else 1)


def test_no_more_lines_than_asked_for(wanted: Expected) -> None:
    assert len(differences(wanted, Expected())) == 6
    assert len(differences(wanted, Expected(), limit=2)) == 2


def test_a_call_that_had_to_stay_must_be_marked(wanted: Expected) -> None:
    found = copy.deepcopy(wanted)
    wanted = Expected(opportunities=wanted.opportunities, emails=wanted.emails)
    assert "calls c1: extra" in differences(wanted, found)
    assert differences(wanted, found, kept_calls=["c1"]) == ["calls c1: metadata: expected a source_deleted_at"]
    found.calls["c1"]["metadata"]["source_deleted_at"] = "2025-06-01T12:00:00Z"
    assert differences(wanted, found, kept_calls=["c1"]) == []


def test_true_is_not_one_and_scales_do_not_matter() -> None:
    one, other = (
        Expected(calls={"c": {"x": True, "y": Decimal("5.0")}}),
        Expected(calls={"c": {"x": 1, "y": Decimal(5)}}),
    )
    assert differences(one, other) == ["calls c: x: expected True, got 1"]
