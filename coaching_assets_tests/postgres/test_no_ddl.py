"""A sync runs no DDL while the schema's version matches, and a reader such as pg_dump does not block it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from psycopg2.extensions import connection as Connection

from coaching_assets.demo.sample import SampleTable, change_set, generate
from coaching_assets.demo.sample.schema import Field
from coaching_assets.demo.sample.values import to_arrow
from coaching_assets.postgres import locks
from coaching_assets.replica import sql_client
from coaching_assets_tests.support.deployment import Deployment

pytestmark = pytest.mark.slow

SCALE = 0.02
USERS = ("gong", "users")
OWN_SCHEMAS = "('coaching_sync', 'gongio_ft', 'gongio_ft_staging', 'salesforce_ft', 'salesforce_ft_staging', 'public')"

RECORD_DDL = """
create schema ddl;
create table ddl.commands (tag text, object text);
create function ddl.record() returns event_trigger language plpgsql as $$
begin
    insert into ddl.commands
    select command_tag, object_identity from pg_event_trigger_ddl_commands() where schema_name not like 'pg_temp%';
end $$;
create function ddl.record_drop() returns event_trigger language plpgsql as $$
begin
    insert into ddl.commands select 'DROP', object_identity from pg_event_trigger_dropped_objects()
    where original and not is_temporary;
end $$;
create event trigger record_ddl on ddl_command_end execute function ddl.record();
create event trigger record_drop on sql_drop execute function ddl.record_drop()
"""
"""Unlike the log or pg_stat_statements' default, an event trigger also sees the statements within functions."""

STORAGE = f"""
select oid::regclass::text, pg_relation_filenode(oid) from pg_class
where relkind = 'r' and relnamespace::regnamespace::text in {OWN_SCHEMAS}
"""
"""A truncated or rewritten table gets another file. Event triggers do not fire for TRUNCATE."""


@pytest.fixture
def used(deployment: Deployment) -> Deployment:
    """An installation after its first sync."""
    deployment.load(generate(SCALE))
    assert deployment.sync().failures == ()
    return deployment


@contextmanager
def read_by_another(deployment: Deployment) -> Iterator[Connection]:
    """Another session holds the lock of a reader on every table, as pg_dump does."""
    with deployment.connect() as reader:
        reader.autocommit = False
        with reader.cursor() as cursor:
            cursor.execute("set application_name = 'nightly dump'")
            cursor.execute(
                "select format('lock table %s in access share mode', string_agg(oid::regclass::text, ', '))"
                f" from pg_class where relkind = 'r' and relnamespace::regnamespace::text in {OWN_SCHEMAS}"
            )
            cursor.execute(cursor.fetchone()[0])
        yield reader
        reader.rollback()


def test_a_sync_runs_no_ddl_and_waits_for_no_reader(used: Deployment) -> None:
    with used.connect() as database, database.cursor() as cursor:
        cursor.execute(RECORD_DDL)
    storage = dict(used.query(STORAGE))
    with read_by_another(used):
        assert used.sync().failures == ()
    sample = generate(SCALE)
    for number in (1, 2):
        sample = change_set(sample, number)
        used.load(sample)
        with read_by_another(used):
            assert used.sync().failures == ()
    used.query("create table recorded ()")
    assert used.query("select tag, object from ddl.commands") == [("CREATE TABLE", "public.recorded")]
    used.query("drop table recorded")
    assert dict(used.query(STORAGE)) == storage
    assert used.query("select sum(rows_updated) > 0, sum(rows_inserted) > 0 from coaching_sync.replica_loads") == [
        (True, True)
    ]


def test_a_sync_that_needs_ddl_reports_within_a_bounded_wait_who_blocks_it(
    used: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (locks, sql_client):
        monkeypatch.setattr(module, "TABLE_LOCK_SECONDS", 0.5)
    monkeypatch.setenv("POSTGRES_RETRIES", "1")
    sample = generate(SCALE)
    users = sample[USERS]
    fields = (*users.fields, Field("nickname", "STRING"))
    rows = [row | {"nickname": "Bo"} for row in users.rows.to_pylist()]
    used.load(sample.replaced({USERS: SampleTable(fields, to_arrow(rows, fields))}), tables=["users"])
    with read_by_another(used) as reader:
        report = used.sync()
        pid = reader.info.backend_pid
    blocked = next(failure for failure in report.failures if "gongio_ft" in failure)
    assert f"process {pid} (nightly dump), query started " in blocked
    assert used.sync().failures == ()
