"""The embedded servers: they start, keep their data, and stop when their parent process ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg2
import pytest

from coaching_assets.demo import servers
from coaching_assets.demo.servers import (
    BigQueryEmulator,
    ServerFailed,
    bigquery_emulator,
    embedded_postgres,
    pg_dump_schema,
)

SECONDS = 30

KEEP_BOTH = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
from coaching_assets.demo.servers import bigquery_emulator, embedded_postgres
folder = Path(sys.argv[1])
with (
    embedded_postgres(folder / "postgres", durable=False) as postgres,
    bigquery_emulator(folder / "bigquery") as bigquery,
):
    print(postgres.pid, bigquery.pid, flush=True)
    if sys.argv[2] == "fail":
        raise RuntimeError("something else went wrong")
    time.sleep(600)
"""


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def wait_for_end(*pids: int) -> None:
    deadline = time.monotonic() + SECONDS
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
        assert time.monotonic() < deadline, f"still running: {pids}"
        time.sleep(0.05)


@pytest.mark.slow
def test_postgres_keeps_its_data_in_a_folder_with_a_long_path(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / ("path" * 30)
    with embedded_postgres(folder) as server:
        server.create_database("shop")
        server.create_database("shop")
        execute(
            server.url("shop"), "create table item (id int primary key, name text); insert into item values (1, 'ß')"
        )
        assert server.host == "127.0.0.1"
        assert execute(server.url(), "show fsync") == [("on",)]
        first_pid = server.pid
    wait_for_end(first_pid)
    with embedded_postgres(folder, durable=False) as server:
        assert execute(server.url("shop"), "select * from item") == [(1, "ß")]
        assert execute(server.url(), "show fsync") == [("off",)]


@pytest.mark.slow
def test_pg_dump_of_a_schema_is_reproducible(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path, durable=False) as server:
        execute(
            server.url(), "create schema other; create table other.item (id int primary key); create table hidden ()"
        )
        dump = pg_dump_schema(server.url(), "other")
        assert "CREATE TABLE other.item" in dump
        assert "hidden" not in dump
        assert pg_dump_schema(server.url(), "other") == dump


@pytest.mark.slow
def test_postgres_starts_after_a_killed_one(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path, durable=False) as server:
        execute(server.url(), "create table kept ()")
        os.kill(server.pid, signal.SIGKILL)
        wait_for_end(server.pid)
    with embedded_postgres(tmp_path, durable=False) as server:
        assert execute(server.url(), "select count(*) from kept") == [(0,)]


@pytest.mark.slow
def test_postgres_replaces_one_whose_watchdog_was_killed(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path, durable=False) as server:
        left_over = server.pid
        psutil.Process(left_over).parent().kill()
    assert psutil.pid_exists(left_over)
    with embedded_postgres(tmp_path, durable=False) as server:
        assert server.pid != left_over
        wait_for_end(left_over)


@pytest.mark.integration
def test_a_folder_serves_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "SECONDS_TO_WAIT_FOR_FOLDER", 0.2)
    with (
        embedded_postgres(tmp_path, durable=False),
        pytest.raises(ServerFailed, match="in use"),
        embedded_postgres(tmp_path),
    ):
        pass


@pytest.mark.slow
def test_postgres_tries_another_port_if_one_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free_port, given = servers.free_port, []
    with embedded_postgres(tmp_path / "one", durable=False) as other:

        def first_a_taken_one(other_than: int | None) -> int:
            given.append(free_port(other_than) if given else other.port)
            return given[-1]

        monkeypatch.setattr(servers, "free_port", first_a_taken_one)
        with embedded_postgres(tmp_path / "two", durable=False) as server:
            assert given == [other.port, server.port]


def test_emulator_answers_over_rest(emulator: BigQueryEmulator) -> None:
    client = emulator.client()
    assert [row.x for row in client.query("select 1 as x").result()] == [1]
    assert emulator.environment()["BIGQUERY_STORAGE_EMULATOR_HOST"] == emulator.grpc_host
    assert emulator.environment()["BIGQUERY_PROJECT"] == client.project
    client.close()


@pytest.mark.slow
def test_an_emulator_that_dies_shows_its_log(tmp_path: Path) -> None:
    (tmp_path / "bqemulator.duckdb").write_text("this is no database")
    with pytest.raises(ServerFailed, match=r"(?s)ended with status 1.*bqemulator\.duckdb"), bigquery_emulator(tmp_path):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fail", "interrupt", "kill"])
def test_both_stop_with_their_parent_and_keep_their_data(tmp_path: Path, how: str) -> None:
    waiting = how in {"interrupt", "kill"}
    parent = subprocess.Popen(
        [sys.executable, "-c", KEEP_BOTH, str(tmp_path), "wait" if waiting else how],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    if waiting:
        # Ctrl-C reaches all processes of the terminal's foreground group
        os.killpg(parent.pid, signal.SIGINT if how == "interrupt" else signal.SIGKILL)
    parent.wait(SECONDS)
    wait_for_end(*pids)


@pytest.mark.slow
def test_emulator_keeps_its_data(tmp_path: Path) -> None:
    for attempt in ("first", "second"):
        with bigquery_emulator(tmp_path) as emulator:
            client = emulator.client()
            if attempt == "first":
                client.create_dataset("shop")
                client.query("create table shop.item as select 1 as id, 'ß' as name").result()
            assert [tuple(row) for row in client.query("select id, name from shop.item").result()] == [(1, "ß")]
            client.close()
