"""Loads of the replica are published once each, in any order of commits, at a cost that does not grow with them."""

from contextlib import closing

import psycopg2
import pytest

from coaching_assets.publish.loads import KEPT_LOADS
from coaching_assets.publish.sync import PublishFailed
from coaching_assets_tests.publish.replica_by_hand import PUBLISHED, Replica
from coaching_assets_tests.support.deployment import Database

VIEWS = list(PUBLISHED)
SLOW = pytest.mark.slow
KEY = {"gong_email": "m1", "gong_call": "c1", "salesforce_opportunity": "o1"}
AGE = 300
"""Loads of a source in use: more than are kept in the list."""
WITHIN = ("1700002000.1", "1700150000.25", "17001x")
OUTSIDE = ("1500000000.5", "1700195400.1", "1800000000.5", "erasure 7", "")
"""Ids of loads within and outside the range."""


@pytest.fixture
def replica(database: Database) -> Replica:
    return Replica(database)


def row(view: str, label: str) -> tuple[str, ...]:
    return (KEY[view], "w", label) if view == "gong_call" else (KEY[view], label)


def blocks_read(replica: Replica) -> int:
    """Blocks of the replica and of coaching_sync that were read so far, from the cache or not."""
    replica.wait_for_sessions()
    query = (
        "select pg_stat_force_next_flush(); select sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read, 0)"
        " + coalesce(idx_blks_hit, 0))::bigint from pg_statio_user_tables"
        " where schemaname in ('gongio_ft', 'salesforce_ft', 'coaching_sync')"
    )
    return int(replica.database.query(query)[0][0])


@pytest.mark.parametrize("view", [VIEWS[0], *[pytest.param(view, marks=SLOW) for view in VIEWS[1:]]])
def test_the_cost_of_a_sync_without_changes_does_not_grow_with_the_loads(replica: Replica, view: str) -> None:
    costs = []
    for loads, first in ((5 * KEPT_LOADS, 1_700_000_000), (50 * KEPT_LOADS, 1_710_000_000)):
        replica.age(view, loads, first=first)
        replica.publish(view)
        replica.publish(view)
        before = blocks_read(replica)
        assert replica.publish(view).changed == 0
        costs.append(blocks_read(replica) - before)
        present, new = replica.look(view)
        assert (present, new) == (KEPT_LOADS, 0)
    assert costs[1] <= 1.2 * costs[0], costs
    listed, folded = replica.reflected(view)
    assert listed == KEPT_LOADS
    assert folded is not None
    assert folded[0] == "1700000900.5"


@pytest.mark.parametrize(
    ("view", "load_id"),
    [
        *[("gong_email", load_id) for load_id in WITHIN[1:]],
        *[pytest.param("gong_email", load_id, marks=SLOW) for load_id in (WITHIN[0], *OUTSIDE)],
        *[pytest.param(view, WITHIN[0], marks=SLOW) for view in VIEWS[1:]],
    ],
)
def test_a_load_that_commits_after_newer_ones_is_published(replica: Replica, view: str, load_id: str) -> None:
    replica.age(view, AGE)
    with closing(psycopg2.connect(replica.database.url)) as late:
        replica.load(view, load_id, [row(view, "late")], late)
        replica.publish(view)
        assert replica.reflected(view)[1] is not None
        replica.age(view, 2, first=1_790_000_000)
        replica.publish(view)
        assert KEY[view] not in replica.labels(view)
        late.commit()
    assert replica.publish(view).inserted == 1
    assert replica.labels(view)[KEY[view]] == "late"
    assert replica.look(view)[1] == 0
    assert replica.publish(view).considered == 0


@pytest.mark.parametrize("load_id", [WITHIN[0], *[pytest.param(each, marks=SLOW) for each in OUTSIDE]])
def test_a_load_that_is_rolled_back_is_not_published_and_hides_nothing(replica: Replica, load_id: str) -> None:
    view = "gong_email"
    replica.age(view, AGE)
    replica.publish(view)
    with closing(psycopg2.connect(replica.database.url)) as killed:
        replica.load(view, load_id, [row(view, "rolled back")], killed)
        replica.publish(view)
    assert replica.publish(view).considered == 0
    replica.load(view, load_id, [row(view, "again")])
    assert replica.publish(view).inserted == 1
    assert replica.labels(view)[KEY[view]] == "again"


@pytest.mark.parametrize("load_id", [OUTSIDE[0], *[pytest.param(each, marks=SLOW) for each in OUTSIDE[1:]]])
def test_rows_that_no_merge_recorded_are_published(replica: Replica, load_id: str) -> None:
    replica.age("gong_email", AGE)
    replica.publish("gong_email")
    replica.database.query(
        "update gongio_ft.email set subject = 'by hand', _dlt_load_id = %s where id = '1700000000 7'", [load_id]
    )
    assert replica.publish("gong_email").updated == 1
    assert replica.labels("gong_email")["1700000000 7"] == "by hand"


@pytest.mark.parametrize("view", [VIEWS[0], *[pytest.param(view, marks=SLOW) for view in VIEWS[1:]]])
def test_a_sync_that_fails_is_repeated(replica: Replica, view: str) -> None:
    table = PUBLISHED[view]
    replica.age(view, AGE)
    replica.publish(view)
    before = replica.reflected(view)
    replica.load(view, "1700002000.1", [row(view, "late")])
    replica.age(view, 2, first=1_790_000_000)
    replica.database.query(
        "create function fail() returns trigger language plpgsql as"
        " $$ begin raise exception sqlstate '57014' using message = 'killed'; end $$;"
        f"create trigger fails before insert on {table} for each row execute function fail()"
    )
    with pytest.raises((PublishFailed, psycopg2.Error)):
        replica.publish(view)
    assert replica.reflected(view) == before
    replica.database.query(f"drop trigger fails on {table}")
    assert replica.publish(view).inserted == 3
    assert replica.look(view)[1] == 0


RESTORED = {
    "dropped and created again": "drop table {name}; alter table kept set schema {schema}; alter table {schema}.kept"
    " rename to {table}",
    "emptied and filled": "truncate {name}; insert into {name} select * from kept",
    "rewritten": "delete from {name}; insert into {name} select * from kept; vacuum full {name}",
}


@pytest.mark.parametrize("way", [*RESTORED][:1] + [pytest.param(way, marks=SLOW) for way in [*RESTORED][1:]])
@pytest.mark.parametrize("view", [VIEWS[0], *[pytest.param(view, marks=SLOW) for view in VIEWS[1:]]])
def test_rows_of_a_restored_table_are_published_although_their_loads_were(
    replica: Replica, view: str, way: str
) -> None:
    replica.load(view, "1690000000.5", [row(view, "old")])
    replica.age(view, AGE)
    name = replica.name(view)
    schema, table = name.split(".")
    replica.database.query(f"create table kept as table {name}")
    replica.load(view, "1790000000.5", [row(view, "new")])
    replica.publish(view)
    assert replica.labels(view)[KEY[view]] == "new"
    for statement in RESTORED[way].format(name=name, schema=schema, table=table).split(";"):
        replica.database.query(statement)
    replica.record(view)
    assert replica.publish(view).updated == 1
    assert replica.labels(view)[KEY[view]] == "old"
    assert replica.publish(view).considered == 0


@pytest.mark.parametrize(
    "statement",
    [
        "update coaching_sync.published_tables set fingerprint = 'other rules'",
        "delete from coaching_sync.published_tables",
        "update coaching_sync.published_tables set published_at = now() - interval '40 days'",
    ],
)
def test_all_rows_are_computed_again_after_other_rules_or_a_month(replica: Replica, statement: str) -> None:
    replica.age("gong_email", AGE)
    replica.publish("gong_email")
    replica.database.query(
        "update emails set subject = 'wrong' where gong_email_id in ('1700000000 3', '1700000000 299')"
    )
    replica.database.query(statement)
    outcome = replica.publish("gong_email")
    assert (outcome.considered, outcome.updated) == (AGE, 2)
    assert replica.publish("gong_email").considered == 0


def test_an_older_program_computes_the_rows_of_folded_loads_again(replica: Replica) -> None:
    """Release 0 compares all loads with the list, and records each in it."""
    replica.age("gong_email", AGE)
    replica.publish("gong_email")
    unlisted = replica.database.query(
        "select distinct _dlt_load_id from gongio_ft.email where _dlt_load_id not in (select load_id from"
        " coaching_sync.published_loads where published_table = 'emails' and source_view = 'gong_email')"
    )
    assert len(unlisted) == AGE - KEPT_LOADS
    replica.database.query(
        "insert into coaching_sync.published_loads select 'emails', 'gong_email', _dlt_load_id from gongio_ft.email"
        " on conflict do nothing; update coaching_sync.published_tables set fingerprint = 'release 0'"
    )
    assert replica.publish("gong_email").considered == AGE
    assert replica.reflected("gong_email")[0] == KEPT_LOADS


def test_tables_of_a_group_keep_their_own_ranges(replica: Replica) -> None:
    """If one table of a group does not reflect a load, the load is new for the group."""
    replica.age("gong_call", AGE)
    replica.publish("gong_call")
    replica.database.query("delete from coaching_sync.published_ranges where published_table = 'transcripts'")
    assert replica.publish("gong_call").considered == AGE - KEPT_LOADS
    assert replica.look("gong_call") == (KEPT_LOADS, 0)


def test_records_of_loads_from_another_server_do_not_stay_new(replica: Replica) -> None:
    """A database that was restored on a new server has records with transactions to come."""
    replica.age("gong_email", AGE)
    replica.database.query("update coaching_sync.replica_loads set transaction_id = '9999999999'::xid8")
    replica.publish("gong_email")
    assert replica.publish("gong_email").considered == 0
