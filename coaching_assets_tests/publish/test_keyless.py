"""Rows without a key: recorded as rejected, gone once repaired, at a cost that does not grow with the table."""

import json

import pytest

from coaching_assets.postgres.connection import connect
from coaching_assets.publish.publisher import Publisher
from coaching_assets.publish.reject import keyless_statement
from coaching_assets.publish.tables import TABLES, group_of
from coaching_assets_tests.publish.replica_by_hand import BY_VIEW, Replica
from coaching_assets_tests.support.deployment import Database

pytestmark = pytest.mark.every_version
VIEW = "gong_call_context_integration"
ROWS = 20_000
KEYLESS = {
    "gong_call_context_integration": ("call_opportunities", (None, "o", "Opportunity", "Opportunity")),
    "gong_email": ("emails", ("", "hello")),
    "gong_call": ("calls", (None, "w", "title")),
    "salesforce_opportunity": ("opportunities", (None, "deal")),
}
WITH_KEY = {view: ("k", *row[1:]) for view, (_, row) in KEYLESS.items()}
REPAIRS = {
    "deleted at the source": None,
    "given a key": "update {name} set {column} = 'k', _dlt_load_id = '1790000000.5'",
    "emptied": "truncate {name}",
    "removed": "delete from {name}; insert into coaching_sync.requested_aggregates select '{group}', ''",
    "dropped": "drop table {name}",
}


@pytest.fixture
def replica(database: Database) -> Replica:
    return Replica(database)


def rejected(replica: Replica, view: str) -> list[str]:
    table = KEYLESS[view][0]
    found = replica.database.query(
        "select reason from coaching_sync.rejected_rows where published_table = %s and aggregate_key = ''", [table]
    )
    return [reason for (reason,) in found]


def publish(replica: Replica, view: str) -> None:
    replica.publish("gong_call" if view == VIEW else view)


def rows_read(replica: Replica, view: str) -> int:
    """Rows of a source that were read so far, by scans of the table or of an index."""
    replica.wait_for_sessions()
    return int(
        replica.database.query(
            "select pg_stat_force_next_flush(); select seq_tup_read + idx_tup_fetch from pg_stat_user_tables"
            " where relid = %s::regclass",
            [replica.name(view)],
        )[0][0]
    )


@pytest.mark.parametrize("view", KEYLESS)
@pytest.mark.parametrize("repair", REPAIRS)
def test_a_row_without_a_key_is_rejected_until_it_is_repaired(replica: Replica, view: str, repair: str) -> None:
    table, row = KEYLESS[view]
    replica.load(view, "1700000000.5", [row])
    publish(replica, view)
    column = BY_VIEW[view].needed[0]
    assert rejected(replica, view) == [f"{column} is missing"]
    publish(replica, view)
    assert rejected(replica, view) == [f"{column} is missing"]
    if (statement := REPAIRS[repair]) is None:
        replica.load(view, "1790000000.5", [(*row, True)])
    else:
        replica.database.query(statement.format(name=replica.name(view), column=column, group=group_of(table).name))
    publish(replica, view)
    assert rejected(replica, view) == []
    assert replica.database.query("select count(*) from coaching_sync.requested_aggregates") == [(0,)]


@pytest.mark.parametrize("view", KEYLESS)
def test_neither_a_sync_without_changes_nor_one_change_reads_the_table(replica: Replica, view: str) -> None:
    replica.age(view, ROWS // 20)
    replica.load(view, "1790000000.5", [KEYLESS[view][1]])
    publish(replica, view)
    before = rows_read(replica, view)
    publish(replica, view)
    unchanged = rows_read(replica, view) - before
    assert unchanged <= 2 * 100 * len(group_of(KEYLESS[view][0]).tables), "the newest loads"
    replica.load(view, "1790000001.5", [WITH_KEY[view]])
    before = rows_read(replica, view)
    publish(replica, view)
    assert rows_read(replica, view) - before < 1.5 * unchanged + 100
    assert rejected(replica, view) == [f"{BY_VIEW[view].needed[0]} is missing"]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_rows_without_a_key_are_found_by_an_index(replica: Replica, table: object) -> None:
    published = next(each for each in TABLES if each is table)
    view = published.row_source
    replica.age(view, ROWS)
    with connect(replica.database.settings) as database:
        Publisher(database, replica.database.settings).prepare()
        with database.cursor() as cursor:
            statement = keyless_statement(published, BY_VIEW[view]).as_string(cursor)
            cursor.execute(f"explain (format json) {statement}")
            plan = json.dumps((cursor.fetchone() or ("",))[0])
    assert f"{BY_VIEW[view].name}_without_{'_'.join(BY_VIEW[view].needed)}" in plan
    assert f'"Seq Scan", "Parallel Aware": false, "Async Capable": false, "Relation Name": "{view}"' not in plan
