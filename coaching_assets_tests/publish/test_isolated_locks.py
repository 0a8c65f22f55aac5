"""A row that the application holds locked stays pending, and stops no other row."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import pytest

from coaching_assets.publish.sync import PublishFailed
from coaching_assets_tests.publish.isolating import contents, publish, publish_everything, rejections, status
from coaching_assets_tests.support.deployment import Deployment

PENDING = "select key from coaching_sync.requested_aggregates where held_back = 'locked'"


@contextmanager
def locked(deployment: Deployment, statement: str) -> Iterator[None]:
    """A transaction of the application that holds locks until the end of the block."""
    application = psycopg2.connect(deployment.url)
    try:
        with application.cursor() as cursor:
            cursor.execute(statement)
        yield
    finally:
        application.close()


def changed_source(deployment: Deployment) -> None:
    """Change all calls, monologues, deals and e-mails in the replica."""
    deployment.query("update gongio_ft.call set title = coalesce(title, '') || ', again'")
    deployment.query("update gongio_ft.transcript set topic = coalesce(topic, '') || ', again'")
    deployment.query("update gongio_ft.email set subject = coalesce(subject, '') || ', again'")
    deployment.query("update salesforce_ft.opportunity set stage_name = coalesce(stage_name, '') || ', again'")


LOCKS = {
    "a call": ("calls", "update calls set product = 'x' where id = (select id from calls order by id limit 1)", 1),
    "a monologue": (
        "calls",
        "select from transcripts where id = (select min(id::text)::uuid from transcripts) for update",
        1,
    ),
    "a deal": (
        "opportunities",
        "select from opportunities where id = (select id from opportunities limit 1) for update",
        1,
    ),
    "an e-mail": ("emails", "delete from emails where id = (select id from emails limit 1)", 1),
    "every second call": (
        "calls",
        "select from calls where id in (select id from calls where id::text < '8') for update",
        2,
    ),
}
FAST = ("a monologue",)
PARAMETERS = [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in LOCKS]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_locked_row_is_published_by_the_next_sync(synced: Deployment, name: str) -> None:
    group, statement, least = LOCKS[name]
    before = contents(synced)
    changed_source(synced)
    with locked(synced, statement):
        outcomes = publish_everything(synced, group).outcomes
        held_back = synced.query(PENDING)
        assert len(held_back) >= least
        assert status(synced, group) == "partial"
        assert rejections(synced) == []
        between = contents(synced)
    assert {table.name: outcome.locked for table, outcome in outcomes.items()}[group] == len(held_back)
    own = {key for key in before if key[0] == group}
    assert sum(before[key] != between[key] for key in own) == len(own) - (name != "a monologue") * len(held_back)

    publish(synced, group)
    assert synced.query(PENDING) == []
    after = contents(synced)
    assert all(before[key] != after[key] for key in own)


@pytest.mark.parametrize("mode", ["exclusive", pytest.param("share", marks=pytest.mark.slow)])
def test_a_locked_table_fails_with_a_sentence(synced: Deployment, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("PUBLISH_LOCK_SECONDS", "0.05")
    monkeypatch.setenv("POSTGRES_RETRIES", "1")
    changed_source(synced)
    with (
        locked(synced, f"lock table transcripts in {mode} mode"),
        pytest.raises(PublishFailed, match="kept rows or a table locked during every attempt"),
    ):
        publish_everything(synced)
    assert status(synced, "calls") == "failed"
    publish(synced)
    assert status(synced, "calls") == "success"


DELETED = {
    "a locked call": "select from calls order by gong_call_id limit 1 for update",
    "a locked speaker of the call": (
        "select from speakers where call_id = (select id from calls order by gong_call_id limit 1) for update"
    ),
    "a call that is about to be referenced": ("insert into reviews select id from calls order by gong_call_id limit 1"),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in DELETED])
def test_a_call_that_cannot_be_deleted_yet_is_deleted_by_the_next_sync(synced: Deployment, name: str) -> None:
    synced.query("create table reviews (call_id uuid references calls)")
    calls = synced.query("select gong_call_id from calls order by gong_call_id limit 2")
    synced.query("update gongio_ft.call set _fivetran_deleted = true where id = any(%s)", [[key for (key,) in calls]])
    with locked(synced, DELETED[name]):
        publish_everything(synced)
        assert synced.query(
            "select gong_call_id from calls where gong_call_id in (%s, %s)", [*calls[0], *calls[1]]
        ) == [calls[0]]
        assert synced.query(PENDING) == [calls[0]]
    publish(synced)
    assert synced.query("select 1 from calls where gong_call_id = %s", [*calls[0]]) == []


INSERTED = {
    "an e-mail": ("emails", "gong_email_id", "insert into emails (gong_email_id) values ('{}')"),
    "a deal": (
        "opportunities",
        "gong_opportunity_id",
        "insert into opportunities (gong_opportunity_id, name) values ('{}', 'x')",
    ),
    "a call": ("calls", "gong_call_id", "insert into calls (gong_call_id) values ('{}')"),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in INSERTED])
def test_a_row_that_the_application_inserts_meanwhile_stops_no_other(synced: Deployment, name: str) -> None:
    """No row is visible yet, but its unique index makes others wait."""
    table, column, statement = INSERTED[name]
    keys = [key for (key,) in synced.query(f"select {column} from {table} order by 1")]
    synced.query(f"truncate {table} cascade")
    with locked(synced, statement.format(keys[3])):
        publish_everything(synced, table)
        assert synced.query(PENDING) == [(keys[3],)]
        assert [key for (key,) in synced.query(f"select {column} from {table} order by 1")] == keys[:3] + keys[4:]
    publish(synced, table)
    assert [key for (key,) in synced.query(f"select {column} from {table} order by 1")] == keys
