"""Schemas and tables of somebody else that have a dataset's or a source table's name are recognized and left alone."""

from pathlib import Path

import pytest

from coaching_assets.catalogue import TABLES
from coaching_assets.demo.sample import generate
from coaching_assets.doctor.postgres_checks import check_ownership, check_schema_version
from coaching_assets.erasure.erase import Request, erase
from coaching_assets.postgres.migrate import SchemaTaken
from coaching_assets.publish.dry_run import dry_run
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets.replica.errors import NotOurs
from coaching_assets.replica.ownership import refused_tables
from coaching_assets.replica.schema_lock import prepare_database
from coaching_assets_tests.support.deployment import Database, Deployment
from coaching_assets_tests.support.editing import edited, found_differences

GONG = {table.name for table in TABLES if table.source == "gong"}
SALESFORCE = {table.name for table in TABLES if table.source == "salesforce"}
HINTS = """'{"tables": {"call": {"x-coaching-key": ["id"]}}}'"""
STORED = "create table {0}._dlt_version (schema_name text, schema text); insert into {0}._dlt_version select {1}, {2};"
OURS = "(id varchar, _fivetran_synced timestamptz, _dlt_load_id varchar not null)"
LOADS = "create table gongio_ft._dlt_loads (load_id text, schema_name text);"

OTHERS: dict[str, tuple[str, set[str]]] = {
    "a table": ("create schema gongio_ft; create table gongio_ft.call (id varchar(18) primary key)", GONG),
    "a table of another name": ("create schema salesforce_ft; create table salesforce_ft.notes (id int)", SALESFORCE),
    "a view": ("create schema gongio_ft; create view gongio_ft.email as select 1 as id", GONG),
    "a function": (
        "create schema salesforce_ft; create function salesforce_ft.one() returns int language sql as 'select 1'",
        SALESFORCE,
    ),
    "a type": ("create schema gongio_ft; create type gongio_ft.mood as enum ('calm')", GONG),
    "a staging schema": ("create schema gongio_ft_staging; create table gongio_ft_staging.call (id text)", GONG),
    "another dlt pipeline": (
        f"create schema gongio_ft; {STORED.format('gongio_ft', repr('gong_api'), repr('{}'))}"
        f" create table gongio_ft.call {OURS}",
        GONG,
    ),
    "another dlt pipeline with the name of ours": (
        f"create schema gongio_ft; {STORED.format('gongio_ft', repr('gong_calls'), repr('{}'))}"
        f" create table gongio_ft.call {OURS}",
        GONG,
    ),
    "a partitioned table in our schema": (
        f"create schema gongio_ft; {STORED.format('gongio_ft', repr('gong_calls'), HINTS)}"
        " create table gongio_ft.transcript (id text, _dlt_load_id text, _fivetran_synced timestamptz)"
        " partition by list (id)",
        {"transcript"},
    ),
    "a materialized view in our schema": (
        f"create schema gongio_ft; {STORED.format('gongio_ft', repr('gong_emails'), HINTS)}"
        " create materialized view gongio_ft.users as select ''::varchar as id",
        {"users"},
    ),
    "another pipeline's table in our schema": (
        f"create schema gongio_ft; {STORED.format('gongio_ft', repr('gong_calls'), HINTS)} {LOADS}"
        f" create table gongio_ft.call {OURS}; create table gongio_ft.email {OURS};"
        " insert into gongio_ft._dlt_loads values ('7', 'gong_api');"
        " insert into gongio_ft.email values ('1', now(), '7')",
        {"email"},
    ),
    "a table that dlt gave row ids": (
        f"create schema salesforce_ft; {STORED.format('salesforce_ft', repr('salesforce'), HINTS)}"
        f" create table salesforce_ft.user {OURS}; alter table salesforce_ft.user add _dlt_id varchar",
        {"user"},
    ),
    "a view in place of dlt's table": (
        f"create schema gongio_ft; {STORED.format('gongio_ft', repr('gong_calls'), HINTS)}"
        " create view gongio_ft._dlt_loads as select 1 as load_id",
        GONG,
    ),
}
FREE: dict[str, str] = {
    "no schema": "",
    "an empty schema": "create schema gongio_ft; create schema salesforce_ft_staging",
    "default privileges": "create schema gongio_ft;"
    " alter default privileges in schema gongio_ft grant select on tables to public",
    "our tables without records, as in a restored database": "create schema gongio_ft;"
    f" {STORED.format('gongio_ft', repr('gong_calls'), HINTS)} create table gongio_ft.call {OURS}",
    "our staging tables alone": "create schema salesforce_ft_staging;"
    f" {STORED.format('salesforce_ft_staging', repr('salesforce'), HINTS)}"
    f" create table salesforce_ft_staging.opportunity {OURS}",
    "a recorded table": f"create schema gongio_ft; create table gongio_ft.call {OURS};"
    " insert into coaching_sync.replica_tables select 'elsewhere', 'call', 'gongio_ft.call'::regclass",
    "a table of a load that was killed": f"create schema gongio_ft; create table gongio_ft.call {OURS};"
    " insert into coaching_sync.replica_tables values ('gongio_ft', 'call', null, true)",
    "a table of a release without records": f"create schema gongio_ft; create table gongio_ft.call {OURS};"
    " insert into coaching_sync.source_tables (table_schema, table_name, state, filenode)"
    " values ('gongio_ft', 'call', 'loaded', pg_relation_filenode('gongio_ft.call'))",
    "our schema with a view of somebody else": f"create schema gongio_ft; create table gongio_ft.call {OURS};"
    " insert into coaching_sync.replica_tables values ('gongio_ft', 'call', 'gongio_ft.call'::regclass);"
    " create view gongio_ft.long_calls as select * from gongio_ft.call",
}
TAKEN = {
    "other tables": "create schema coaching_sync; create table coaching_sync.sessions (id int)",
    "another program's migrations": "create schema coaching_sync;"
    " create table coaching_sync.schema_migrations (version varchar primary key)",
    "functions": "create schema coaching_sync;"
    " create function coaching_sync.is_address(value text) returns boolean language sql as 'select true'",
}
IN_OUR_SCHEMA = {
    "a view": ("users", "create view gongio_ft.users as select 'a'::varchar(18) as id"),
    "a table": ("call_speaker", "create table gongio_ft.call_speaker (id varchar(18), call_id varchar(18))"),
    "a foreign table": (
        "call_context_integration",
        "create extension file_fdw; create server files foreign data wrapper file_fdw;"
        " create foreign table gongio_ft.call_context_integration (call_id varchar(18)) server files"
        " options (program 'true')",
    ),
}


def schema_of(database: Database, *schemas: str) -> list[tuple]:
    """Everything that a load could change: columns, replica identities, and the storage of rows."""
    return database.query(
        "select pg_class.oid::regclass, relkind, relreplident, pg_relation_filenode(pg_class.oid), attname,"
        " format_type(atttypid, atttypmod) from pg_attribute join pg_class on pg_class.oid = attrelid"
        " where relnamespace::regnamespace::text = any (%s) and attnum > 0 order by 1, attnum",
        [list(schemas)],
    )


@pytest.fixture
def prepared(database: Database) -> Database:
    with database.connect() as connection:
        prepare_database(connection)
    return database


@pytest.mark.parametrize(("statements", "tables"), OTHERS.values(), ids=OTHERS.keys())
def test_what_belongs_to_others_is_refused(prepared: Database, statements: str, tables: set[str]) -> None:
    prepared.query(statements)
    with prepared.connect() as connection:
        refused = refused_tables(connection, prepared.settings)
        findings = list(check_ownership(connection, prepared.settings))
    assert {table.name for table in refused} == tables
    assert all("REPLICA_SCHEMA_PREFIX" in reason for reason in refused.values())
    assert {finding.state for finding in findings} == {"failed"}


@pytest.mark.parametrize("statements", FREE.values(), ids=FREE.keys())
def test_what_is_ours_or_empty_is_not_refused(prepared: Database, statements: str) -> None:
    prepared.query(statements or "select 1")
    with prepared.connect() as connection:
        assert refused_tables(connection, prepared.settings) == {}
        assert [finding.state for finding in check_ownership(connection, prepared.settings)] == ["ok"]


def test_a_table_that_takes_a_recorded_tables_name_is_refused(prepared: Database) -> None:
    prepared.query(FREE["a recorded table"])
    prepared.query(f"alter table gongio_ft.call rename to old_call; create table gongio_ft.call {OURS}")
    with prepared.connect() as connection:
        assert {table.name for table in refused_tables(connection, prepared.settings)} == GONG
        prepared.query("alter table gongio_ft.call rename to new_call; alter table gongio_ft.old_call rename to call")
        assert refused_tables(connection, prepared.settings) == {}


@pytest.mark.parametrize("statements", TAKEN.values(), ids=TAKEN.keys())
def test_a_schema_coaching_sync_of_another_program_is_refused(database: Database, statements: str) -> None:
    database.query(statements)
    before = schema_of(database, "coaching_sync")
    with database.connect() as connection:
        with pytest.raises(SchemaTaken, match="rename to"):
            prepare_database(connection)
        assert check_schema_version(connection).state == "failed"
    assert schema_of(database, "coaching_sync") == before


@pytest.mark.parametrize(
    ("schema", "table"),
    [
        ("gongio_ft", "call"),
        pytest.param("salesforce_ft", "opportunity", marks=pytest.mark.slow),
        pytest.param("gongio_ft_staging", "transcript", marks=pytest.mark.slow),
    ],
)
def test_a_sync_leaves_somebody_elses_schema_alone(deployment: Deployment, schema: str, table: str) -> None:
    deployment.query(f"create schema {schema}; create table {schema}.{table} (id varchar(18) primary key, name text)")
    before = schema_of(deployment, schema)
    deployment.load(generate(0.02))
    report = deployment.sync()
    assert not report.success
    assert any(f"Schema {schema} exists and is not this project's" in failure for failure in report.failures)
    assert schema_of(deployment, schema) == before
    of_gong = schema.startswith("gongio_ft")
    assert (deployment.query("select count(*) from calls") == [(0,)]) == of_gong
    assert deployment.query("select count(*) from salesforce_ft.account where true") if of_gong else True


@pytest.mark.slow
@pytest.mark.parametrize(("table", "statement"), IN_OUR_SCHEMA.values(), ids=IN_OUR_SCHEMA)
def test_only_the_table_of_somebody_else_is_refused(deployment: Deployment, table: str, statement: str) -> None:
    sample = generate(0.02)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    deployment.query(f"drop table gongio_ft.{table}; {statement}")
    before = schema_of(deployment, "gongio_ft")
    rows = deployment.query("select id from calls order by 1"), deployment.query("select id from speakers order by 1")
    sample = edited(sample, ("gong", "email"), {}, subject="Renamed")
    deployment.load(sample)
    report = deployment.sync()
    assert any(f"gongio_ft.{table} is " in failure for failure in report.failures)
    assert [row for row in schema_of(deployment, "gongio_ft") if table in str(row[0])] == [
        row for row in before if table in str(row[0])
    ]
    assert (
        deployment.query("select id from calls order by 1"),
        deployment.query("select id from speakers order by 1"),
    ) == rows
    assert deployment.query("select distinct subject from emails") == [("Renamed",)], "the other tables are published"
    status = deployment.query("select last_sync_status from sync_status where entity_type = 'calls'")
    assert status == [("failed",)]
    result = reconcile(deployment.settings, repair=True)
    assert deployment.query("select id from calls order by 1") == rows[0]
    (comparison,) = [c for c in result.comparisons.values() if c.name == f"gongio_ft.{table}"]
    assert comparison.state == "failed"
    with pytest.raises(NotOurs, match=f"gongio_ft.{table}"):
        erase(deployment.settings, Request.of([], ["a@example.com"], []))
    with pytest.raises(NotOurs, match=f"gongio_ft.{table}"):
        dry_run(deployment.settings, lambda sentence: None)


@pytest.mark.slow
def test_with_a_prefix_the_replica_is_beside_the_other_schema(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deployment.query("create schema gongio_ft; create table gongio_ft.call (id varchar(18) primary key, name text)")
    before = schema_of(deployment, "gongio_ft")
    monkeypatch.setenv("REPLICA_SCHEMA_PREFIX", "fivetran_")
    sample = generate(0.02)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    assert found_differences(deployment, sample, tmp_path) == []
    assert reconcile(deployment.settings).is_equal
    assert dry_run(deployment.settings, lambda sentence: None).plan.changes == 0
    schemas = {name for (name,) in deployment.query("select distinct table_schema from coaching_sync.replica_tables")}
    assert schemas == {f"fivetran_{name}" for name in ("gongio_ft", "gongio_ft_staging", "salesforce_ft",
                                                       "salesforce_ft_staging")}  # fmt: skip
    assert schema_of(deployment, "gongio_ft") == before
    ((address,),) = deployment.query("select min(email_address) from fivetran_gongio_ft.users where email_address > ''")
    assert erase(deployment.settings, Request.of([], [address], [])).replica["fivetran_gongio_ft.users"] == 1


@pytest.mark.slow
def test_renamed_schemas_are_recognized(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sample = generate(0.02)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    for name in ("gongio_ft", "gongio_ft_staging", "salesforce_ft", "salesforce_ft_staging"):
        deployment.query(f"alter schema {name} rename to moved_{name}")
    deployment.query("create schema gongio_ft; create table gongio_ft.call (id varchar(18))")
    assert not deployment.sync().success
    monkeypatch.setenv("REPLICA_SCHEMA_PREFIX", "moved_")
    oid = deployment.query("select 'moved_gongio_ft.call'::regclass::oid")
    sample = edited(sample, ("gong", "call"), {}, title="Renamed")
    deployment.load(sample)
    assert deployment.sync().failures == ()
    assert deployment.query("select 'moved_gongio_ft.call'::regclass::oid") == oid
    assert found_differences(deployment, sample, tmp_path) == []


@pytest.mark.slow
def test_a_dry_run_drops_no_schema_of_somebody_else(deployment: Deployment) -> None:
    deployment.load(generate(0.02))
    deployment.query("create schema coaching_dry_run_gong; create table coaching_dry_run_gong.call (id int)")
    with pytest.raises(NotOurs, match="coaching_dry_run_gong"):
        dry_run(deployment.settings, lambda sentence: None)
    assert deployment.query("select count(*) from coaching_dry_run_gong.call") == [(0,)]


@pytest.mark.slow
def test_a_sync_takes_over_empty_schemas(deployment: Deployment) -> None:
    role = f"loader_{deployment.name}"
    deployment.query(f"create schema gongio_ft; create schema gongio_ft_staging; create role {role}")
    deployment.load(generate(0.02))
    assert deployment.sync().failures == ()
    recorded = "select count(*) from coaching_sync.replica_tables where not loading and relation is not null"
    before = deployment.query(recorded)
    assert before > [(20,)]
    assert deployment.sync().failures == ()
    assert deployment.query(recorded) == before
