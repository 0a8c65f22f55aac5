"""Several batches are published at once: the tables are the same, and what fails is not skipped."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from coaching_assets.demo.sample import Sample
from coaching_assets.postgres.connection import connect
from coaching_assets.publish.batches import WORKERS_LOCK
from coaching_assets.publish.publisher import Publisher
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import found_differences, reimported


@pytest.fixture
def loaded(deployment: Deployment, tenth: Sample, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Of each group many batches are due."""
    monkeypatch.setenv("PUBLISH_BATCH_SIZE", "3")
    deployment.load(tenth)
    return deployment


@contextmanager
def trigger(deployment: Deployment, body: str) -> Iterator[None]:
    """A trigger of the application's on its calls, until the end of the block."""
    deployment.query("create table writer (pid int, call text)")
    deployment.query(f"create function watch() returns trigger language plpgsql as $$ begin {body} return new; end $$")
    deployment.query("create trigger watch before insert on calls for each row execute function watch()")
    yield
    deployment.query("drop trigger watch on calls")


@pytest.mark.parametrize("workers", [pytest.param(workers, marks=pytest.mark.slow) for workers in (1, 3)])
def test_the_tables_equal_the_oracle(
    loaded: Deployment, tenth: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setenv("PUBLISH_WORKERS", str(workers))
    with trigger(loaded, "insert into writer values (pg_backend_pid(), new.gong_call_id);"):
        assert loaded.sync().failures == ()
    assert found_differences(loaded, tenth, tmp_path / "first") == []
    assert loaded.query("select count(distinct pid) from writer") == [(workers,)]
    assert loaded.query("select count(*) from coaching_sync.published_loads where published_table = 'calls'") != [(0,)]

    written = loaded.rows_written()
    loaded.load(reimported(tenth))
    assert loaded.sync().failures == ()
    assert loaded.rows_written() | {"sync_status": 0} == written | {"sync_status": 0}


def test_a_batch_that_fails_is_due_again(loaded: Deployment, tenth: Sample, tmp_path: Path) -> None:
    last = max(row["id"] for row in tenth.rows("gong", "call") if not row["_fivetran_deleted"])
    body = f"if new.gong_call_id = '{last}' then raise exception 'it broke' using errcode = '53100'; end if;"
    with trigger(loaded, body):
        failures = loaded.sync().failures
    assert len(failures) == 1
    assert "it broke" in failures[0]
    assert loaded.query("select last_sync_status from sync_status where entity_type = 'calls'") == [("failed",)]
    assert loaded.query("select count(*) > 0 from calls") == [(True,)], "others are committed"

    assert loaded.sync().failures == ()
    assert found_differences(loaded, tenth, tmp_path) == []


def test_a_publisher_sees_the_last_of_those_whose_process_was_killed(
    deployment: Deployment,
) -> None:
    """They may still be at a statement, though nobody waits for its end any more."""
    settings, began = deployment.settings, threading.Event()
    left_over = psycopg2.connect(deployment.url)
    with left_over.cursor() as cursor:
        cursor.execute("select pg_advisory_lock_shared(%s, %s)", WORKERS_LOCK)

    def publish() -> None:
        with connect(settings) as database, Publisher(database, settings).session():
            began.set()

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        while not deployment.query(WAITING, [left_over.info.backend_pid]):
            assert not began.is_set(), "it did not wait"
    finally:
        left_over.close()
        thread.join()
    assert began.is_set()


WAITING = "select pid from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
