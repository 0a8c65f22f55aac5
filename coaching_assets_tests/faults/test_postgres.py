"""Postgres breaks off, locks, refuses: what passes by itself is tried again, all else is said in one sentence."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import pytest
from psycopg2 import sql

from coaching_assets_tests.faults.proxy import Proxy, proxy
from coaching_assets_tests.faults.scene import Scene


@pytest.fixture
def between(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before Postgres, by which the syncs go; the tests themselves look past it."""
    server = scene.world.deployment.postgres
    monkeypatch.setenv("POSTGRES_RETRY_SECONDS", "0.2")
    with proxy(server.host, server.port) as between:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://postgres:postgres@127.0.0.1:{between.port}/{scene.database}")
        yield between


@pytest.mark.breaks("Postgres: the connection is reset after so many bytes")
@pytest.mark.parametrize(
    ("direction", "count"),
    [
        pytest.param("up", 20_000, marks=pytest.mark.slow),
        *(pytest.param("up", count, marks=pytest.mark.long) for count in (100, 60_000, 110_000, 200_000, 400_000)),
        pytest.param("down", 1_000, marks=pytest.mark.slow),
        *(pytest.param("down", count, marks=pytest.mark.long) for count in (20_000, 50_000, 100_000)),
    ],
)
def test_a_connection_that_is_reset_is_made_again(scene: Scene, between: Proxy, direction: str, count: int) -> None:
    between.reset_after(count, direction)
    with scene.in_use():
        scene.sync()
    assert between.injected == 1
    scene.assert_healed()


@pytest.mark.breaks("Postgres: latency and a stall")
@pytest.mark.slow
def test_latency_and_a_stall_only_take_time(scene: Scene, between: Proxy) -> None:
    between.latency = 0.001
    between.stall()
    threading.Timer(1.0, between.flow).start()
    scene.assert_healed()


@contextmanager
def trigger(scene: Scene, body: str) -> Iterator[None]:
    """A trigger of the application's on its calls, until the end of the block."""
    scene.world.query("create sequence times_fired")
    scene.world.query(
        f"create function misbehave() returns trigger language plpgsql as $$ begin {body} return new; end $$"
    )
    scene.world.query(
        "create trigger misbehave before insert or update on calls for each row execute function misbehave()"
    )
    yield
    scene.world.query("drop function misbehave cascade; drop sequence times_fired")


@pytest.mark.breaks("Postgres: refuses for good (disk full, statement timeout, no right, out of memory)")
@pytest.mark.parametrize(
    ("state", "message"),
    [
        pytest.param("53100", "no disk space left", marks=pytest.mark.slow),
        pytest.param("57014", "statement_timeout", marks=pytest.mark.slow),
        pytest.param("42501", "lacks a right", marks=pytest.mark.slow),
        pytest.param("53200", "out of memory", marks=pytest.mark.slow),
    ],
)
def test_what_will_not_pass_fails_at_once_and_says_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, state: str, message: str
) -> None:
    monkeypatch.setenv("PUBLISH_WORKERS", "1")  # the others, each at its own batch, would meet it too
    with trigger(scene, f"perform nextval('times_fired'); raise exception 'it broke' using errcode = '{state}';"):
        failures = scene.world.sync()
        assert scene.world.query("select last_value from times_fired") == [(1,)], "tried once, not again"
    assert len(failures) == 1
    assert message in failures[0]
    assert "it broke" in failures[0]
    status, details = scene.world.query(
        "select last_sync_status, error_details ->> 'error' from sync_status where entity_type = 'calls'"
    )[0]
    assert status == "failed"
    assert message in details
    assert scene.world.query("select last_sync_status from sync_status where entity_type = 'emails'") == [("success",)]
    scene.assert_healed()


@pytest.mark.slow
@pytest.mark.breaks("Postgres: deadlock, serialization failure")
@pytest.mark.parametrize("state", ["40P01", pytest.param("40001", marks=pytest.mark.slow)])
def test_what_passes_by_itself_is_tried_again(scene: Scene, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    monkeypatch.setenv("POSTGRES_RETRY_SECONDS", "0.1")
    body = f"if nextval('times_fired') <= 2 then raise exception 'it broke' using errcode = '{state}'; end if;"
    with trigger(scene, body):
        scene.sync()
    scene.assert_healed()


@pytest.mark.breaks("Postgres: read-only")
@pytest.mark.slow
def test_a_database_that_is_read_only_is_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    name = sql.Identifier(scene.database)
    with scene.world.connect() as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(name))
    failures = scene.world.sync()
    assert failures
    assert all("Postgres is read-only" in failure for failure in failures), failures
    with scene.world.connect("postgres") as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("alter database {} reset default_transaction_read_only").format(name))
    scene.assert_healed()


@pytest.mark.breaks("Postgres: the application keeps rows locked")
@pytest.mark.slow
def test_rows_that_the_application_locks_are_published_by_the_next_sync(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hold locks only briefly, so that sessions that wait for us do not wait long either."""
    monkeypatch.setenv("PUBLISH_LOCK_SECONDS", "0.1")
    application = psycopg2.connect(scene.world.deployment.postgres.url(scene.database))
    try:
        with application.cursor() as cursor:
            cursor.execute("select from calls for update")
        scene.sync()
    finally:
        application.close()
    scene.assert_healed()
