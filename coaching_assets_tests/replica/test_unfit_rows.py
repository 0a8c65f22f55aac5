"""A row that Postgres rejects during a merge is recorded with the reason; the others are merged."""

import json
import random
import string
from collections.abc import Sequence

import pytest

from coaching_assets.demo.sample import TableKey
from coaching_assets.erasure.erase import Request, erase
from coaching_assets.publish.rejected import read_rejected
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets.replica.schema_lock import prepare_database
from coaching_assets_tests.stateful.source import Source
from coaching_assets_tests.stateful.world import World
from coaching_assets_tests.support.deployment import Database

SLOW = pytest.mark.slow
TABLES = """
create schema replica; create schema replica_staging;
create table replica.thing (
    id varchar, part varchar, address varchar, size bigint, notes json, at timestamptz,
    _fivetran_synced timestamptz, _dlt_load_id varchar not null
);
create table replica_staging.thing (like replica.thing)
"""
TOO_LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=6000))
"""Postgres compresses repetitions, but not this."""

REJECTED = (
    "select key ->> 'id', reason from coaching_sync.rejected_rows where published_table = 'replica.thing' order by 1"
)
LONG_KEY = "select length(key ->> 'part') < 200, length(source_row ->> 'part') from coaching_sync.rejected_rows"


@pytest.fixture
def staged(database: Database) -> Database:
    with database.connect() as connection:
        prepare_database(connection)
    database.query(TABLES)
    return database


def merge(
    database: Database, load: int, rows: Sequence[dict[str, object]], key: Sequence[str] = ("id", "part")
) -> None:
    options = {
        "target": "replica.thing",
        "staging": "replica_staging.thing",
        "key": list(key),
        "lookups": ["address"],
        "identities": [],
        "rows_staged": len(rows),
        "deletion_time": False,
    }
    stamped = [{"_fivetran_synced": f"2026-01-01 00:00:{load:02}", "_dlt_load_id": f"{load}.5"} | row for row in rows]
    database.query(
        "delete from replica_staging.thing; insert into replica_staging.thing"
        " select * from jsonb_populate_recordset(null::replica_staging.thing, %s);"
        " select coaching_sync.merge_table(%s)",
        [json.dumps(stamped), json.dumps(options)],
    )


def good(number: int) -> dict[str, object]:
    return {"id": f"good {number}", "part": "p", "address": "a@x.com", "size": number}


UNFIT = {
    "a looked-up text": (
        "select",
        {"address": TOO_LONG},
        "index row size 6016 exceeds btree version 4 maximum 2704",
    ),
    "a part of the key": ("select", {"part": TOO_LONG}, "index row size"),
    "an administrator's index": (
        "create index on replica.thing ((notes::text))",
        {"notes": TOO_LONG},
        "index row size",
    ),
    "an administrator's check": (
        "alter table replica.thing add constraint sensible check (size < 1000)",
        {"size": 5000},
        'violates check constraint "sensible"',
    ),
    "a number that an index cannot compute": (
        "create index on replica.thing ((1 / (size - 7000)))",
        {"size": 7000},
        "division by zero",
    ),
    "a time beyond a date's range": (
        "alter table replica.thing add constraint recent check (at < '4000-01-01')",
        {"at": "9999-12-31"},
        "recent",
    ),
}


@pytest.mark.parametrize(
    ("case", "before"), [(case, 3) for case in UNFIT] + [pytest.param(case, 0, marks=SLOW) for case in UNFIT]
)
def test_an_unfit_row_is_rejected_and_the_others_are_merged(staged: Database, case: str, before: int) -> None:
    statement, value, reason = UNFIT[case]
    if value.get("notes"):
        value = {"notes": [TOO_LONG]}
    staged.query(statement)
    if before:
        merge(staged, 1, [good(number) for number in range(before)])
    bad = [{"id": "bad", "part": "p"} | value, {"id": "worse", "part": "q"} | value]
    merge(staged, 2, [good(1), bad[0], *[good(number) for number in range(10, 60)], bad[1]])
    found = staged.query(REJECTED)
    assert [key for key, _ in found] == ["bad", "worse"]
    assert all(reason in text and text.startswith("Postgres rejects the row: ") for _, text in found), found
    assert staged.query("select count(*) from replica.thing where left(id, 4) = 'good'")[0][0] >= 51
    assert staged.query("select count(*) from replica.thing where left(id, 4) <> 'good'") == [(0,)]
    merge(staged, 3, [{"id": "bad", "part": bad[0]["part"] if "part" in value else "p", "size": 1}])
    assert [key for key, _ in staged.query(REJECTED)] == (["bad", "worse"] if "part" in value else ["worse"])


def test_a_changed_row_that_is_unfit_keeps_its_former_version(staged: Database) -> None:
    merge(staged, 1, [good(number) for number in range(5)])
    merge(staged, 2, [good(1) | {"size": 100}, good(2) | {"address": TOO_LONG}])
    assert staged.query("select size, address from replica.thing where id in ('good 1', 'good 2') order by id") == [
        (100, "a@x.com"),
        (2, "a@x.com"),
    ]
    assert [key for key, _ in staged.query(REJECTED)] == ["good 2"]
    [(first, last)] = staged.query("select first_seen, last_seen from coaching_sync.rejected_rows")
    merge(staged, 3, [good(2) | {"address": TOO_LONG}])
    [(first_again, last_again)] = staged.query("select first_seen, last_seen from coaching_sync.rejected_rows")
    assert (first_again, last_again > last) == (first, True)
    merge(staged, 4, [good(2) | {"address": "short@x.com"}])
    assert staged.query(REJECTED) == []
    assert staged.query("select address from replica.thing where id = 'good 2'") == [("short@x.com",)]


def test_a_key_that_is_too_long_is_recorded_shortened(staged: Database) -> None:
    merge(staged, 1, [good(1), {"id": "bad", "part": TOO_LONG}, {"id": "bad", "part": TOO_LONG[::-1]}])
    assert staged.query(LONG_KEY) == [(True, 6000), (True, 6000)]


@pytest.mark.parametrize("key", [("id",), ("id", "part", "size")])
def test_keys_that_are_null_or_staged_twice_are_not_unfit(staged: Database, key: Sequence[str]) -> None:
    rows = [{"part": "p"}, {"part": "p"}, good(1), good(1), {"id": "bad", "address": TOO_LONG}]
    merge(staged, 1, rows, key)
    merge(staged, 2, rows, key)
    assert [each for each, _ in staged.query(REJECTED)] == ["bad"]
    assert staged.query("select count(*) from replica.thing") == [(2,)]


def test_an_error_that_no_single_row_causes_fails_the_table(staged: Database) -> None:
    merge(staged, 1, [good(1)])
    staged.query(
        "create function fail() returns trigger language plpgsql as"
        " $$ begin raise exception sqlstate '22023' using message = 'not today'; end $$;"
        "create trigger fails before insert on replica.thing for each statement execute function fail()"
    )
    with pytest.raises(Exception, match="not today"):
        merge(staged, 2, [good(2)])
    assert staged.query(REJECTED) == []


SENDER, PARTICIPANT, HISTORY = ("gong", "email_sender"), ("gong", "call_participant"), ("salesforce", "opportunity")
IN_SOURCE: dict[str, tuple[TableKey, str]] = {
    "gongio_ft.email_sender": (SENDER, "email_address"),
    "gongio_ft.call_participant": (PARTICIPANT, "user_id"),
    "salesforce_ft.opportunity": (HISTORY, "account_id"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_SOURCE)
def test_a_table_with_an_unfit_row_is_loaded_explained_and_repaired(world: World, source: Source, name: str) -> None:
    key, column = IN_SOURCE[name]
    good_value = source.sample[key].rows[column][0].as_py()
    source.edit(key, 0, **{column: TOO_LONG})
    source.edit(key, 1, _fivetran_deleted=True)
    world.load(source)
    assert world.sync() == []
    settings = world.deployment.settings
    [row] = read_rejected(settings, name)
    assert row.reason.startswith("Postgres rejects the row: index row size")
    assert (row.source_row or {})[column] == TOO_LONG
    assert world.query(f"select count(*) from {name} where length({column}) > 1000") == [(0,)]
    schema, table = name.split(".")
    state = "select state from coaching_sync.source_tables where (table_schema, table_name) = (%s, %s)"
    assert world.query(state, [schema, table]) == [("loaded",)]
    status = "select entity_type from sync_status where error_details -> 'rejected_source_rows' ? %s"
    assert world.query(f"{status} and last_sync_status = 'partial'", [name]) != []
    found = reconcile(settings, repair=True)
    [comparison] = [each for each in found.comparisons.values() if each.name == name]
    assert (comparison.rejected, comparison.rows["missing"], comparison.rows["different"]) == (1, 0, 0)
    assert f"coaching rejected --table {name}" in comparison.restriction
    place = source.sample[key].rows[column].to_pylist().index(TOO_LONG)
    source.edit(key, place, **{column: good_value})
    assert TOO_LONG not in source.sample[key].rows[column].to_pylist()
    world.load(source)
    assert world.sync() == []
    if column == "email_address":
        # a row with another key is another row
        reconcile(settings, repair=True)
        assert world.sync() == []
    assert read_rejected(settings, name) == []
    assert world.query(status, [name]) == []


@pytest.mark.slow
def test_an_erasure_deletes_the_records_of_rejected_rows(world: World, source: Source) -> None:
    address = "someone@" + TOO_LONG + ".com"
    source.edit(SENDER, 0, email_address=address)
    world.load(source)
    assert world.sync() == []
    settings = world.deployment.settings
    assert len(read_rejected(settings, "gongio_ft.email_sender")) == 1
    erase(settings, Request.of([], [address], []))
    assert read_rejected(settings, "gongio_ft.email_sender") == []
