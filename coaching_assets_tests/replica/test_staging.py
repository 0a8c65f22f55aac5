"""Staging tables: a first load takes the empty table's place; what is only compared is neither logged nor lost."""

import pytest
from dlt.destinations.job_client_impl import SqlLoadJob
from psycopg2.extensions import connection as Connection

from coaching_assets.demo.sample import Sample, change_set
from coaching_assets.replica.schema_lock import prepare_database
from coaching_assets_tests.support.deployment import Database, Deployment

TABLES = """
create schema replica; create schema replica_staging;
create table replica.thing (id varchar, size bigint, _fivetran_synced timestamptz, _dlt_load_id varchar not null);
create table replica_staging.thing (like replica.thing);
insert into replica_staging.thing select 'a' || n, n, now(), '1' from generate_series(1, 100) as n
"""
MERGE = """
select coaching_sync.merge_table(jsonb_build_object(
    'target', 'replica.thing', 'staging', 'replica_staging.thing', 'key', array['id'], 'lookups', array['size'],
    'delivered', null, 'identities', array[]::text[], 'rows_staged', %s, 'deletion_time', false
))
"""
HINDRANCES = {
    "a view": "create view replica.seen as select * from replica.thing",
    "a grant": "grant select on replica.thing to public",
    "an index": "create index on replica.thing (size)",
    "a trigger": "create trigger nothing before update on replica.thing for each row"
    " execute function suppress_redundant_updates_trigger()",
    "a comment": "comment on table replica.thing is 'ours'",
    "another column": "alter table replica.thing add column colour text",
    "a staging table that is not logged": "alter table replica_staging.thing set unlogged",
    "a key that was staged twice": "insert into replica_staging.thing"
    " select * from replica_staging.thing where id = 'a1'",
}


@pytest.fixture
def staged(database: Database) -> Database:
    with database.connect() as connection:
        prepare_database(connection)
    database.query(TABLES)
    return database


def _oid(database: Database, table: str) -> int:
    return int(database.query("select to_regclass(%s)::oid", [table])[0][0])


def _indexes(database: Database) -> set[str]:
    found = database.query("select indexname from pg_indexes where schemaname = 'replica'")
    return {name for (name,) in found}


def test_the_rows_of_a_first_load_are_not_written_again(staged: Database) -> None:
    before = _oid(staged, "replica_staging.thing")
    staged.query(MERGE, [100])
    assert _oid(staged, "replica.thing") == before
    assert staged.query("select count(*), sum(size) from replica.thing") == [(100, 5050)]
    assert staged.query("select count(*) from replica_staging.thing") == [(0,)]
    expected = {"thing_key", "thing_by_size", "thing_by__dlt_load_id", "thing_by__fivetran_synced"}
    assert _indexes(staged) == expected
    assert staged.query("select rows_read, rows_inserted, rows_updated from coaching_sync.replica_loads") == [
        (100, 100, 0)
    ]


@pytest.mark.parametrize("hindrance", HINDRANCES)
def test_a_table_that_something_hangs_on_stays(staged: Database, hindrance: str) -> None:
    staged.query(HINDRANCES[hindrance])
    before = _oid(staged, "replica.thing")
    staged.query(MERGE, [100])
    assert _oid(staged, "replica.thing") == before
    assert staged.query("select count(*), sum(size) from replica.thing") == [(100, 5050)]
    assert {"thing_key", "thing_by_size", "thing_by__dlt_load_id"} <= _indexes(staged)
    assert staged.query("select count(*) from pg_indexes where schemaname = 'replica_staging'") == [(0,)]


def test_nobody_is_waited_for(staged: Database) -> None:
    with staged.connect() as reader:
        _read_and_go_on(reader)
        before = _oid(staged, "replica.thing")
        staged.query(MERGE, [100])
        reader.rollback()
    assert _oid(staged, "replica.thing") == before
    assert staged.query("select count(*) from replica.thing") == [(100,)]


def _read_and_go_on(reader: Connection) -> None:
    reader.autocommit = False
    with reader.cursor() as cursor:
        # as pg_dump does; an index, too, is built beside such a reader
        cursor.execute("select from replica.thing")


@pytest.mark.slow
def test_a_vacuum_at_work_is_not_in_the_way(synced: Deployment, tenth: Sample) -> None:
    synced.load(change_set(tenth, 1))
    # Postgres cancels an autovacuum after a second if another session wants a stronger lock
    synced.query(f"alter database \"{synced.name}\" set lock_timeout = '2s'")
    with synced.connect() as vacuum:
        vacuum.autocommit = False
        with vacuum.cursor() as cursor:
            cursor.execute(
                "select format('lock table %s in share update exclusive mode', string_agg(oid::regclass::text, ', '))"
                " from pg_class where relkind = 'r' and relnamespace::regnamespace::text"
                " in ('public', 'gongio_ft', 'salesforce_ft')"
            )
            cursor.execute(cursor.fetchone()[0])
        assert synced.sync().failures == ()


def test_so_it_is_with_what_dlt_stages(synced: Deployment) -> None:
    """The table that took the other's place was indexed before there was a new one to stage in."""
    made_in_order = synced.query(
        "select replica.relname, index.oid < staging.oid"
        " from pg_class as replica"
        " join pg_index on indrelid = replica.oid join pg_class as index on index.oid = indexrelid"
        " join pg_class as staging on staging.relname = replica.relname"
        " where replica.relnamespace = 'gongio_ft'::regnamespace"
        " and staging.relnamespace = 'gongio_ft_staging'::regnamespace and replica.relname !~ '^_dlt'"
    )
    assert {name for name, _ in made_in_order} >= {"call", "transcript"}
    assert [name for name, in_order in made_in_order if not in_order] == []


def test_only_what_is_compared_is_kept_out_of_the_log(synced: Deployment, tenth: Sample) -> None:
    persistence = "select relpersistence from pg_class where oid = 'gongio_ft_staging.transcript'::regclass"
    assert synced.query(persistence) == [("u",)]
    synced.load(change_set(tenth, 1))
    assert synced.sync().success
    assert synced.query(persistence) == [("u",)]


def test_staged_rows_that_a_crash_took_are_read_again(
    synced: Deployment, tenth: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = change_set(tenth, 1)
    synced.load(changed)
    merge, taken = SqlLoadJob.run, []

    def crash_before(job: SqlLoadJob) -> None:
        if job.load_table_name == "transcript" and not taken:
            taken.append(job)
            # what Postgres does to an unlogged table when it comes up again
            synced.query("truncate gongio_ft_staging.transcript")
        merge(job)

    monkeypatch.setattr(SqlLoadJob, "run", crash_before)
    assert synced.sync().success
    assert taken
    (newest,) = synced.query("select max(_fivetran_synced) from gongio_ft.transcript")[0]
    assert newest == max(changed["gong", "transcript"].rows["_fivetran_synced"].to_pylist())
