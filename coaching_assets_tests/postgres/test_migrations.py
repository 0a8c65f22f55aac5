"""Migrations: from every release's dump, in two processes at once, failing, and too new for this program."""

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import errors
from psycopg2.extensions import connection as Connection

from coaching_assets.demo.sample import Sample, TableKey, change_set, generate
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres
from coaching_assets.postgres import migrate
from coaching_assets.postgres.migrate import Migration, SchemaTooNew, applied_migrations, ensure_schema, migrations
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets_tests.postgres.dumps.make_dump import SCALE, erased_call
from coaching_assets_tests.support.deployment import Database, Deployment, bigquery_project, copied
from coaching_assets_tests.support.editing import found_differences, without_rows

DUMPS = Path(__file__).with_name("dumps")
RELEASES = sorted(file.name.removesuffix(".sql.gz") for file in DUMPS.glob("release_*.sql.gz"))
NUMBERS = count(1)
NEWEST = max(migration.version for migration in migrations())

OLD_PROGRAM = (DUMPS / "release_0_functions.sql").read_text()
"""The SQL that each sync of release 0 ran."""

OLD_MERGE = "select coaching_sync.merge_staged('r.thing', 's.thing', '{id}', '{size}', '{id,size}', '[]', 3, false)"
NEW_MERGE = """
select coaching_sync.merge_table('{"target": "r.thing", "staging": "s.thing", "key": ["id"], "lookups": ["size"],
    "delivered": ["id", "size"], "identities": [], "rows_staged": 3, "deletion_time": false}')
"""
THINGS = """
create schema r; create schema s;
create table r.thing (id varchar, size bigint, _fivetran_synced timestamptz, _dlt_load_id varchar not null);
create table s.thing (like r.thing)
"""

FUNCTIONS = """
select format('%s(%s)', proname, pg_get_function_identity_arguments(oid)), prosrc
from pg_proc where pronamespace = 'coaching_sync'::regnamespace
"""
CALL_TABLES: dict[TableKey, str] = {
    ("gong", "call"): "id",
    ("gong", "call_speaker"): "call_id",
    ("gong", "call_participant"): "call_id",
    ("gong", "transcript"): "call_id",
    ("gong", "call_context_integration"): "call_id",
}


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> str:
    """The URL of an empty database."""
    name = f"migrations{next(NUMBERS)}"
    postgres.create_database(name)
    return postgres.url(name)


def run_script(url: str, script: str) -> None:
    with connected(url) as database, database.cursor() as cursor:
        cursor.execute(script)


def restored(url: str, release: str) -> None:
    run_script(url, gzip.decompress((DUMPS / f"{release}.sql.gz").read_bytes()).decode())


@pytest.fixture(params=RELEASES)
def old_release(
    request: pytest.FixtureRequest,
    postgres: EmbeddedPostgres,
    emulator: BigQueryEmulator,
    monkeypatch: pytest.MonkeyPatch,
    empty: str,
) -> Iterator[Deployment]:
    """An installation with the database of a release."""
    restored(empty, request.param)
    name = f"migrated{next(NUMBERS)}"
    with bigquery_project(name, emulator) as project:
        yield copied(name, empty.rpartition("/")[2], postgres, emulator, project, monkeypatch)


@contextmanager
def connected(url: str, *, autocommit: bool = True) -> Iterator[Connection]:
    with closing(psycopg2.connect(url)) as database:
        database.autocommit = autocommit
        yield database


def _sample(number: int) -> Sample:
    """The source after so many change sets."""
    sample = generate(SCALE)
    for place in range(1, number + 1):
        sample = change_set(sample, place)
    return sample


def _synced(deployment: Deployment, sample: Sample, folder: Path) -> None:
    deployment.load(sample)
    assert deployment.sync().failures == ()
    without_call = without_rows(sample, CALL_TABLES, {erased_call()})
    assert found_differences(deployment, without_call, folder) == []


@pytest.mark.slow
def test_old_and_new_programs_take_turns_on_a_database_of_an_old_release(
    old_release: Deployment, tmp_path: Path
) -> None:
    _synced(old_release, _sample(2), tmp_path / "new")
    run_script(old_release.url, OLD_PROGRAM)
    _synced(old_release, _sample(3), tmp_path / "new again")
    assert old_release.query("select max(version) from coaching_sync.schema_migrations") == [(NEWEST,)]
    rejected = old_release.query("select count(*) from coaching_sync.rejected_rows")
    assert rejected > [(0,)]


def test_the_first_sync_after_an_upgrade_computes_all_rows_and_writes_none(old_release: Deployment) -> None:
    versions = "select published_table, fingerprint from coaching_sync.published_tables"
    old = dict(old_release.query(versions))
    # all other tables stay in the replica as they were last read
    old_release.load(_sample(1), tables=["users"])
    before = old_release.rows_written()
    assert old_release.sync().failures == ()
    new = dict(old_release.query(versions))
    assert old.keys() == new.keys()
    assert all(old[table] != new[table] for table in old)
    written = {table: rows - before[table] for table, rows in old_release.rows_written().items()}
    del written["sync_status"]  # it shows which tables are at the source
    assert not any(written.values()), written


def test_old_and_new_merges_take_turns(empty: str) -> None:
    with connected(empty) as database, database.cursor() as cursor:
        cursor.execute(THINGS)
        for number, merge in enumerate((OLD_MERGE, NEW_MERGE, OLD_MERGE, NEW_MERGE), start=1):
            if merge == OLD_MERGE:
                cursor.execute(OLD_PROGRAM)
            ensure_schema(database)
            cursor.execute("truncate s.thing")
            cursor.execute(
                "insert into s.thing select n::text, case n when 2 then %s else n end, now(), %s"
                " from generate_series(1, 3) as n",
                (number * 10, str(number)),
            )
            cursor.execute(merge)
            cursor.execute("select size from r.thing order by id")
            assert cursor.fetchall() == [(1,), (number * 10,), (3,)]
        cursor.execute("select rows_inserted, rows_updated from coaching_sync.replica_loads order by load_id")
        assert cursor.fetchall() == [(3, 0), (0, 1), (0, 1), (0, 1)]


def test_no_function_of_an_old_release_changed_in_place(empty: str, postgres: EmbeddedPostgres) -> None:
    """An old program reinstalls its own body, which a newer program would then call."""
    with connected(empty) as database, database.cursor() as cursor:
        ensure_schema(database)
        cursor.execute(FUNCTIONS)
        newest = dict(cursor.fetchall())
    for release in RELEASES:
        name = f"migrations{next(NUMBERS)}"
        postgres.create_database(name)
        restored(postgres.url(name), release)
        with connected(postgres.url(name)) as database, database.cursor() as cursor:
            cursor.execute(FUNCTIONS)
            changed = [name for name, body in cursor.fetchall() if newest.get(name, body) != body]
        assert changed == [], f"give the changed functions new names; {release} has others of these names"


def test_everything_has_a_comment(empty: str) -> None:
    with connected(empty) as database, database.cursor() as cursor:
        ensure_schema(database)
        cursor.execute(
            "select proname from pg_proc where pronamespace = 'coaching_sync'::regnamespace"
            " and obj_description(oid, 'pg_proc') is null union all"
            " select relname from pg_class where relnamespace = 'coaching_sync'::regnamespace and relkind = 'r'"
            " and obj_description(oid, 'pg_class') is null"
        )
        assert cursor.fetchall() == []


def test_programs_that_migrate_at_once_wait_for_one_another(empty: str) -> None:
    def migrated(_: int) -> dict[int, bool]:
        with connected(empty) as database:
            ensure_schema(database)
            return applied_migrations(database)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrated, range(4))) == [{m.version: m.breaking for m in migrations()}] * 4


@pytest.mark.parametrize("autocommit", [True, False])
def test_a_migration_that_fails_leaves_nothing(empty: str, monkeypatch: pytest.MonkeyPatch, autocommit: bool) -> None:
    broken = Migration(NEWEST + 1, "broken", False, "create table coaching_sync.half (); select 1 / 0")
    monkeypatch.setattr(migrate, "migrations", lambda: (*migrations(), broken))
    with connected(empty, autocommit=autocommit) as database, database.cursor() as cursor:
        with pytest.raises(errors.DivisionByZero):
            ensure_schema(database)
        database.rollback()
        cursor.execute("select to_regclass('coaching_sync.half')")
        assert cursor.fetchone() == (None,)
        assert list(applied_migrations(database)) == ([m.version for m in migrations()] if autocommit else [])


def test_a_dry_run_leaves_no_trace(empty: str) -> None:
    with connected(empty, autocommit=False) as database, database.cursor() as cursor:
        ensure_schema(database)
        database.rollback()
        cursor.execute("select to_regnamespace('coaching_sync')")
        assert cursor.fetchone() == (None,)


def test_a_newer_schema_stops_the_program_only_if_it_is_breaking(deployment: Deployment) -> None:
    with deployment.connect() as database:
        ensure_schema(database)
        deployment.query("insert into coaching_sync.schema_migrations values (9998, 'later', false, now(), '9')")
        ensure_schema(database)
        deployment.query("insert into coaching_sync.schema_migrations values (9999, 'much_later', true, now(), '9')")
        with pytest.raises(SchemaTooNew, match=f"has version 9999, but this program works with .* {NEWEST}: install"):
            ensure_schema(database)
    rows = (
        "select xmin::text, entity_type from sync_status union all select xmin::text, '' from coaching_sync.last_syncs"
    )
    before = deployment.query(rows)
    with pytest.raises(SchemaTooNew):
        deployment.sync()
    assert deployment.query(rows) == before
    assert deployment.query("select to_regnamespace('gongio_ft')") == [(None,)]


def test_a_role_that_may_not_create_schemas_migrates(database: Database) -> None:
    role = f"least{next(NUMBERS)}"
    roles = read_sql("coaching_assets.postgres", "roles.sql").replace("'coaching_sync';", f"'{role}';", 1)
    run_script(database.url, f"{roles}; alter role {role} login password 'x'")
    with connected(database.url.replace("postgres:postgres@", f"{role}:x@")) as connection:
        ensure_schema(connection)
        assert max(applied_migrations(connection)) == NEWEST
        with connection.cursor() as cursor, pytest.raises(errors.InsufficientPrivilege):
            cursor.execute("create schema mine")
