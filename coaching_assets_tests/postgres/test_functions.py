"""The SQL functions that published SQL shares: a table of cases for each cast."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import cursor as Cursor

from coaching_assets.demo.servers import EmbeddedPostgres
from coaching_assets.postgres.migrate import ensure_schema

CASES: dict[str, dict[Any, Any]] = {
    "try_bigint(%s::text)": {
        "7": 7,
        "007": 7,
        " +7 ": 7,
        "-7": -7,
        "7.0": 7,
        "7.": 7,
        "7.5": None,
        "9223372036854775807": 9223372036854775807,
        "9223372036854775808": None,
        "1e3": None,
        "": None,
        "#7": None,
        "٧": None,
        None: None,
    },
    "try_numeric(%s::text)": {
        "7": Decimal(7),
        " -7.50 ": Decimal("-7.50"),
        ".5": Decimal("0.5"),
        "1e3": Decimal(1000),
        "1e99999": None,
        "1e9999": Decimal("1e9999"),
        "NaN": None,
        "Infinity": None,
        "1,000": None,
        "": None,
        None: None,
    },
    "try_boolean(%s::text)": {
        "true": True,
        " T ": True,
        "1": True,
        "FALSE": False,
        "f": False,
        "0": False,
        "yes": None,
        "": None,
        None: None,
    },
    "try_timestamptz(%s::text)": {
        "2026-06-30T12:00:00Z": datetime(2026, 6, 30, 12, tzinfo=UTC),
        "2026-06-30 12:00": datetime(2026, 6, 30, 12, tzinfo=UTC),
        "2026-06-30T12:00:00.123456+02:00": datetime(2026, 6, 30, 10, 0, 0, 123456, tzinfo=UTC),
        "2026-06-30T12:00:00 UTC": datetime(2026, 6, 30, 12, tzinfo=UTC),
        "2026-06-30T12:00:00-0730": datetime(2026, 6, 30, 19, 30, tzinfo=UTC),
        "2026-02-30T12:00:00Z": None,
        "2026-06-30T25:00:00Z": None,
        "2026-06-30T12:00:00+99": None,
        "2026-06-30": None,
        "now": None,
        "": None,
        None: None,
    },
    "try_date(%s::text)": {
        "2026-06-30": date(2026, 6, 30),
        " 2026-06-30 ": date(2026, 6, 30),
        "2026-06-30T23:30:00-02:00": date(2026, 7, 1),
        "2026-02-30": None,
        "30.06.2026": None,
        "today": None,
        None: None,
    },
    "try_jsonb(%s::text)": {
        '{"a": 1}': {"a": 1},
        "7": 7,
        '"\\u0000"': "\ufffd",
        '"\\\\u0000"': "\\u0000",
        "{broken": None,
        "": None,
        None: None,
    },
    "json_number(%s::jsonb)": {"7.5": Decimal("7.5"), '"7.5"': Decimal("7.5"), '"x"': None, "null": None, "[7]": None},
    "json_as_text(%s::json)": {'"a"': "a", "null": None, "[1, 2]": "[1, 2]", '{"a": 1}': '{"a": 1}', "7": "7"},
    "json_time(%s::timestamptz)": {
        "2026-06-30 12:00:00+02": "2026-06-30T10:00:00Z",
        "2026-06-30 12:00:00.5+00": "2026-06-30T12:00:00.500000Z",
        None: None,
    },
    "not_blank(%s::text)": {" a b\n": "a b", "\t ": None, "": None, None: None},
    "name_from_email(%s::text)": {
        "brian.r@x.com": "Brian R",
        "ANNA-maria_o'neil@x.com": "Anna Maria O Neil",
        "..@x.com": None,
        "élise@x.com": "Élise",
        None: None,
    },
    "is_address(%s::text)": {"a@b": True, "a b@c": False, "a@": False, "a@b@c": False, None: None},
    "without_empty(%s::jsonb)": {
        '{"a": null, "b": [], "c": {}, "d": "", "e": 0}': {"d": "", "e": 0},
        '{"a": {"b": null}}': {"a": {"b": None}},
        "{}": {},
    },
    "rounded_integer(%s::numeric)": {
        "0.5": 1,
        "-0.5": -1,
        "2147483647.4": 2147483647,
        "2147483647.5": None,
        "-2147483648.4": -2147483648,
        "NaN": None,
        None: None,
    },
    "is_derived(%s::uuid)": {
        "00000000-0000-8000-8000-000000000000": True,
        "00000000-0000-4000-8000-000000000000": False,
    },
    "json_member(%s::text, 'a')": {'{"a": "b"}': "b", '{"a": 1}': "1", '{"b": 1}': None, "{broken": None, "[]": None},
    "redacted_text(%s::text)": {
        "no address": "no address",
        "write to gone@x.com, please": "write to [erased], please",
        "Gone@X.com": "[erased]",
        "not.gone@x.com": "not.gone@x.com",
        "gone@x.com.": "[erased].",
        '"\\ngone@x.com"': '"\\n[erased]"',
        "gone@x.com.au": "gone@x.com.au",
        None: None,
    },
}


@pytest.fixture(scope="module")
def cursor(postgres: EmbeddedPostgres) -> Iterator[Cursor]:
    """A session in UTC, in which gone@x.com was erased."""
    postgres.create_database("functions")
    database = psycopg2.connect(postgres.url("functions"))
    database.autocommit = True
    ensure_schema(database)
    with database.cursor() as cursor:
        cursor.execute("set time zone 'UTC'; set search_path = coaching_sync, pg_catalog")
        cursor.execute("insert into erased_identities values ('address', hash_of_erased('address', ' Gone@x.com '))")
        yield cursor
    database.close()


@pytest.mark.parametrize(
    ("call", "value", "result"),
    [(call, value, result) for call, cases in CASES.items() for value, result in cases.items()],
)
def test_function(cursor: Cursor, call: str, value: Any, result: Any) -> None:
    cursor.execute(f"select {call}", (value,))
    assert cursor.fetchone() == (result,)


def test_a_derived_id_is_the_same_after_every_rebuild(cursor: Cursor) -> None:
    cursor.execute("select derived_id('calls', '7')::text, is_derived(derived_id('calls', '7'))")
    assert cursor.fetchone() == ("f8e2a76c-ef6c-81b3-85a8-95f1ce8cf005", True)
    cursor.execute("select derived_id('calls', '7') = derived_id('emails', '7')")
    assert cursor.fetchone() == (False,)


@pytest.mark.parametrize(("words", "fits"), [(10, True), (400_000, False)])
def test_a_text_fits_into_the_full_text_search_up_to_a_megabyte_of_words(
    cursor: Cursor, words: int, fits: bool
) -> None:
    cursor.execute("select can_be_searched(string_agg('word' || n, ' ')) from generate_series(1, %s) as n", (words,))
    assert cursor.fetchone() == (fits,)


KEY_IDENTITY = '[{"kind": "call", "columns": ["call_id"], "value_only": false, "reveals": false}]'


def test_a_condition_names_the_rows_of_an_erased_call(cursor: Cursor) -> None:
    cursor.execute("create temp table monologue (call_id bigint, call_id__v_text text, said text)")
    cursor.execute("insert into monologue values (1, null, 'a'), (null, '1', 'b'), (2, null, 'c')")
    cursor.execute("insert into erased_identities values ('call', hash_of_erased('call', '1'))")
    cursor.execute("select erased_condition('monologue', %s, false)", (KEY_IDENTITY,))
    condition = cursor.fetchone()[0]
    cursor.execute(f"select said from monologue as r where {condition.replace('%', '%%')} order by 1")
    assert cursor.fetchall() == [("a",), ("b",)]
    cursor.execute("select drop_erased_rows('monologue', %s)", (KEY_IDENTITY,))
    cursor.execute("select said from monologue")
    assert cursor.fetchall() == [("c",)]
