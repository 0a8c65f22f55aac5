"""Schemas and tables of somebody else that have the replica's names: nothing of theirs is touched."""

from pathlib import Path

import pytest

from coaching_assets.demo.sample import Sample, generate
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres, pg_dump_schema
from coaching_assets.doctor.postgres_checks import check_postgres
from coaching_assets_tests.conformance.environments import Environment
from coaching_assets_tests.conformance.failures import failures_of_sync
from coaching_assets_tests.conformance.installation import installed_in
from coaching_assets_tests.support.editing import found_differences

pytestmark = pytest.mark.postgres
DEFAULT = Environment("default")

THEIRS = {
    "a narrower table": ("gongio_ft", "create table gongio_ft.call (id varchar(18), title varchar(5))"),
    "a table that the source has and we would create": ("salesforce_ft", "create table salesforce_ft.account (id int)"),
    "a view": ("gongio_ft", "create view gongio_ft.users as select 1 as id"),
    "another table only": ("salesforce_ft", "create table salesforce_ft.ledger (id int primary key)"),
    "a staging schema": ("gongio_ft_staging", "create table gongio_ft_staging.call (id varchar(18))"),
    "another pipeline of dlt": (
        "gongio_ft",
        "create table gongio_ft._dlt_loads (load_id varchar, schema_name varchar, status bigint,"
        " inserted_at timestamptz, schema_version_hash varchar);"
        " create table gongio_ft.call (id varchar(18), _dlt_load_id varchar, _dlt_id varchar)",
    ),
}


@pytest.fixture(scope="module")
def few() -> Sample:
    return generate(0.02)


@pytest.mark.parametrize(("schema", "statements"), THEIRS.values(), ids=THEIRS.keys())
def test_somebody_elses_schema_stays_as_it_is(
    schema: str,
    statements: str,
    postgres: EmbeddedPostgres,
    emulator: BigQueryEmulator,
    few: Sample,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with installed_in(DEFAULT, postgres, emulator, monkeypatch) as installation:
        installation.query(f"drop schema if exists {schema} cascade; create schema {schema}; {statements}")
        before = pg_dump_schema(installation.url, schema)
        installation.load(few)
        failed = [finding for finding in check_postgres(installation.settings) if finding.state == "failed"]
        assert any(schema in finding.message and "REPLICA_SCHEMA_PREFIX" in finding.remedy for finding in failed)
        said = "\n".join(failures_of_sync(installation))
        assert schema in said and "REPLICA_SCHEMA_PREFIX" in said, said
        assert pg_dump_schema(installation.url, schema) == before

        monkeypatch.setenv("REPLICA_SCHEMA_PREFIX", "copy_of_")
        assert installation.sync().failures == ()
        assert pg_dump_schema(installation.url, schema) == before
        assert found_differences(installation, few, tmp_path) == []
