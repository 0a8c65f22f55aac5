"""The lock on loading: a load that has lost it writes nothing, and its session lasts as long as it can."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from adbc_driver_postgresql import dbapi
from dlt.common.schema import Schema
from dlt.pipeline.pipeline import Pipeline
from psycopg2.extensions import connection as Connection

from coaching_assets.bigquery import connect as connect_bigquery
from coaching_assets.catalogue import PipelineName, tables_of
from coaching_assets.demo.sample import generate
from coaching_assets.postgres.connection import NO_TIMEOUTS, connect, connection_url
from coaching_assets.replica import schema_lock as module
from coaching_assets.replica.pipelines import pipeline_for
from coaching_assets.replica.schema_lock import prepare_database, schema_lock
from coaching_assets.replica.sync import ReplicaSync
from coaching_assets_tests.support import processes
from coaching_assets_tests.support.deployment import Database, Deployment

pytestmark = pytest.mark.every_version
END_HOLDER = (
    "select pg_terminate_backend(pid, 10000) from pg_locks where locktype = 'advisory' and objsubid = 2 and granted"
    " and classid = x'636f6163'::int::oid and objid = hashtext('replica ' || %s)::oid"
)
WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"


@contextmanager
def held(database: Database, schema: str = "gongio_ft") -> Iterator[tuple[Connection, module.LoadLock]]:
    with connect(database.settings, autocommit=True) as connection, schema_lock(connection, schema) as lock:
        prepare_database(connection)
        yield connection, lock


@pytest.mark.parametrize("schema", ["gongio_ft", "salesforce_ft", "It's"])
def test_the_lock_is_required_in_each_transaction(database: Database, schema: str) -> None:
    with held(database, schema) as (_, lock):
        database.query(lock.requirement)
        with pytest.raises(psycopg2.Error, match="the session that held the lock") as raised:
            database.query(lock.requirement.replace(str(lock.process), "1"))
        assert raised.value.pgcode == "CS002"
    with pytest.raises(psycopg2.Error, match="has ended"):
        database.query(lock.requirement)


def test_the_next_holder_waits_for_a_transaction_of_one_that_was_lost(database: Database) -> None:
    taken = threading.Event()

    def take() -> None:
        with held(database):
            taken.set()

    thread = threading.Thread(target=take)
    with (
        pytest.raises(psycopg2.OperationalError),
        held(database) as (_, lock),
        database.connect() as orphan,
        orphan.cursor() as cursor,
    ):
        cursor.execute(f"begin; {lock.requirement}")
        assert database.query(END_HOLDER, ["gongio_ft"]) == [(True,)]
        thread.start()
        while database.query(WAITING) != [(1,)]:
            assert not taken.is_set()
        cursor.execute("rollback")
        thread.join()
        assert taken.is_set()


def test_the_session_that_holds_the_lock_is_kept_alive(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.01)
    with held(database) as (_, lock):
        seen: set[Any] = set()
        while len(seen) < 3:
            seen |= set(database.query("select query_start from pg_stat_activity where pid = %s", [lock.process]))


@pytest.mark.parametrize(
    ("timeout", "level"),
    [
        ("idle_session_timeout", "database {database}"),
        ("idle_in_transaction_session_timeout", "role {role}"),
        ("statement_timeout", "role {role} in database {database}"),
        ("transaction_timeout", "database {database}"),
    ],
)
def test_no_timeout_of_the_database_or_the_role_applies(
    database: Database, timeout: str, level: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not database.query("select 1 from pg_settings where name = %s", [timeout]):
        pytest.skip(f"this version of Postgres has no {timeout}")
    role = f"of_{database.name}"
    database.query(f"create role {role} login superuser password 'x'")
    database.query(f"alter {level.format(database=database.name, role=role)} set {timeout} = '77min'")
    monkeypatch.setenv("DATABASE_URL", database.url.replace("postgres:postgres@", f"{role}:x@"))
    asked = f"select current_setting('{timeout}')"
    with connect(database.settings) as connection, connection.cursor() as cursor:
        cursor.execute(asked)
        assert cursor.fetchone() == ("0",)
    destination = pipeline_for("gong_calls", database.settings, tmp_path).destination
    assert destination is not None
    with destination.client(Schema("any"), destination.spec()._bind_dataset_name("public")) as client:  # type: ignore
        assert client.sql_client.execute_sql(asked) == [("0",)]  # type: ignore[attr-defined]
    with dbapi.connect(connection_url(database.settings)) as copying, copying.cursor() as cursor:
        cursor.execute(NO_TIMEOUTS)
        cursor.execute(asked)
        assert cursor.fetchone() == ("0",)


@pytest.mark.parametrize(
    "pipeline",
    [
        "gong_emails",
        pytest.param("gong_calls", marks=pytest.mark.slow),
        pytest.param("salesforce", marks=pytest.mark.slow),
    ],
)
def test_a_load_that_loses_its_lock_writes_nothing(
    deployment: Deployment, pipeline: PipelineName, tmp_path: Path
) -> None:
    """Another sync takes the lock meanwhile and loads everything; the first one then finds nothing left to load."""
    deployment.load(generate(0.02))
    tables = tables_of(pipeline)
    schema = deployment.settings.datasets[tables[0].source]
    attempts: list[str] = []

    def run(dlt_pipeline: Pipeline, source: Any) -> Iterator[object]:
        attempts.append("started")
        dlt_pipeline.extract(source)
        dlt_pipeline.normalize()
        assert deployment.query(END_HOLDER, [schema]) == [(True,)]
        other = processes.start(tmp_path, "sync")
        assert other.wait() == 0, other.printed()
        yield dlt_pipeline.load()
        attempts.append("loaded")

    with connect_bigquery(deployment.settings) as client:
        result = ReplicaSync(deployment.settings, pipeline, tables, client, run=run).sync()
    assert attempts == ["started"]
    assert {table.state for table in result.tables} == {"unmodified"}
    loads = "select table_name, count(*) from coaching_sync.replica_loads where table_schema = %s group by 1"
    counts = dict(deployment.query(loads, [schema]))
    assert {table.name for table in tables} <= counts.keys()
    assert set(counts.values()) == {1}


@pytest.mark.slow
@pytest.mark.parametrize("timeout", ["idle_session_timeout", "idle_in_transaction_session_timeout"])
def test_a_sync_outlasts_a_short_timeout(deployment: Deployment, timeout: str) -> None:
    deployment.query(f"alter database {deployment.name} set {timeout} = '500ms'")
    deployment.load(generate(0.05))
    assert deployment.sync().failures == ()
