"""The SQL that publishing generates from a table's data finds the same rows as the statements in `by_hand`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.connection import connect
from coaching_assets.publish.pending import query_for
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.publisher import Publisher
from coaching_assets.publish.session import fill_batch
from coaching_assets.publish.statements import stale_query, vanished_query, waiting_queries
from coaching_assets.publish.tables import GROUPS
from coaching_assets.publish.views import ReplicaTable
from coaching_assets.publish.write import compute_batch, create_batch_tables
from coaching_assets_tests.support.deployment import Deployment

BY_HAND = Path(__file__).parent / "by_hand"
BY_NAME: dict[str, tuple[Group, PublishedTable]] = {t.name: (group, t) for group in GROUPS for t in group.tables}


def by_hand(name: str) -> str:
    return (BY_HAND / f"{name}.sql").read_text()


@contextmanager
def session(deployment: Deployment) -> Iterator[tuple[Publisher, Cursor]]:
    """A publisher's session in a transaction that is rolled back."""
    with connect(deployment.settings) as database:
        publisher = Publisher(database, deployment.settings)
        publisher.prepare()
        with database.cursor() as cursor:
            yield publisher, cursor
        database.rollback()


def rows(cursor: Cursor, query: sql.Composable | str) -> set[tuple[object, ...]]:
    cursor.execute(query)
    return set(cursor.fetchall())


def touch_some_rows(cursor: Cursor, table: ReplicaTable) -> str:
    """Let three rows of a table be of a new load."""
    load = f"new load of {table.table.view}"
    name = sql.Identifier(table.schema, table.table.name)
    cursor.execute(
        sql.SQL(
            "update {name} set _dlt_load_id = %s"
            " where ctid = any (array(select ctid from {name} order by md5(ctid::text) limit 3))"
        ).format(name=name),
        (load,),
    )
    assert cursor.rowcount
    return load


def everything(cursor: Cursor, publisher: Publisher, group: Group) -> list[str]:
    publisher.find_all_loads(group)
    publisher.find_pending(group)
    cursor.execute("select key from pending order by place")
    return [key for (key,) in cursor.fetchall()]


def test_each_source_makes_the_same_aggregates_pending(synced: Deployment) -> None:
    with session(synced) as (publisher, cursor):
        for table in list(publisher.replica.values()):
            if not table.exists:
                continue
            load = touch_some_rows(cursor, table)
            for group in GROUPS:
                loads = {view: [load] if view == table.table.view else [] for view in group.sources}
                found = rows(cursor, query_for(group, loads))
                expected = cursor.mogrify(by_hand(f"pending_{group.name}"), loads).decode()
                assert found == rows(cursor, expected), (group.name, table.table.view)
                assert found or table.table.view not in group.sources, table.table.view


def test_the_same_aggregates_become_pending_when_what_they_waited_for_is_published(synced: Deployment) -> None:
    with session(synced) as (_, cursor):
        cursor.execute(
            "insert into coaching_sync.waiting_rows (published_table, aggregate_key, waits_for_table, waits_for_key)"
            " (select 'emails', gong_email_id, 'opportunities', gong_opportunity_id"
            "  from emails cross join opportunities limit 5) union all"
            " (select 'call_opportunities', gong_call_id, 'opportunities', gong_opportunity_id"
            "  from calls cross join opportunities limit 5) union all"
            " values ('emails', 'an e-mail', 'opportunities', 'no opportunity')"
        )
        for group in GROUPS:
            loads: dict[str, list[str]] = {view: [] for view in group.sources}
            expected = cursor.mogrify(by_hand(f"pending_{group.name}"), loads).decode()
            found = rows(cursor, query_for(group, loads))
            assert found == rows(cursor, expected)
            assert bool(found) == (group.name != "opportunities")


@pytest.mark.parametrize("name", ["speakers", "transcripts", "call_opportunities", "emails"])
def test_the_same_rows_wait(synced: Deployment, name: str) -> None:
    group, table = BY_NAME[name]
    with session(synced) as (publisher, cursor):
        cursor.execute("delete from gongio_ft.call where id < (select avg(id::numeric)::text from gongio_ft.call)")
        cursor.execute(
            "delete from opportunities where id < (select id from opportunities order by id offset 20 limit 1)"
        )
        fill_batch(cursor, everything(cursor, publisher, group))
        create_batch_tables(cursor, group)
        compute_batch(cursor, group, lock="no")
        found = set().union(*(rows(cursor, query) for query in waiting_queries(group, table)))
        assert found == rows(cursor, by_hand(f"waiting_{name}"))
        assert found


@pytest.mark.parametrize("name", ["calls", "emails"])
def test_the_same_rows_are_stale_and_vanished(synced: Deployment, name: str) -> None:
    group, table = BY_NAME[name]
    source = {"calls": "call", "emails": "email"}[name]
    with session(synced) as (publisher, cursor):
        ids = sql.SQL("(select id from {} order by id limit 5 offset %s)").format(sql.Identifier("gongio_ft", source))
        keys = everything(cursor, publisher, group)
        change = sql.SQL("update gongio_ft.{} set _fivetran_deleted = true where id in {}")
        cursor.execute(change.format(sql.Identifier(source), ids), (0,))
        cursor.execute(sql.SQL("delete from gongio_ft.{} where id in {}").format(sql.Identifier(source), ids), (5,))
        vanished = rows(cursor, vanished_query(group))
        assert vanished == rows(cursor, by_hand(f"vanished_{name}"))
        assert vanished
        for key in sorted(vanished)[:2]:
            cursor.execute(
                "insert into coaching_sync.requested_aggregates (group_name, key, vanished) values (%s, %s, true)",
                (name, *key),
            )
        fill_batch(cursor, keys)
        create_batch_tables(cursor, group)
        compute_batch(cursor, group, lock="no")
        found = rows(cursor, stale_query(group, table))
        assert found == rows(cursor, by_hand(f"stale_{name}"))
        assert len(found) > 2
