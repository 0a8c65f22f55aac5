"""A database with another encoding than UTF-8: doctor says so, and a sync writes nothing."""

import pytest

from coaching_assets.demo.sample import generate
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres
from coaching_assets.doctor.postgres_checks import check_postgres
from coaching_assets.publish.application import create_application_tables
from coaching_assets.settings import load_settings
from coaching_assets_tests.conformance.failures import failures_of_sync
from coaching_assets_tests.conformance.locales import create_database
from coaching_assets_tests.support.deployment import Deployment, bigquery_project, point_at

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "WIN1252"])
def test_a_sync_refuses_to_write(
    encoding: str, postgres: EmbeddedPostgres, emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"encoding_{encoding.lower()}_{postgres.port}"
    create_database(postgres, name, "locale 'C'", encoding=encoding)
    with bigquery_project(name, emulator) as project:
        deployment = Deployment(name, postgres, project)
        point_at(deployment, emulator, monkeypatch)
        create_application_tables(load_settings())
        deployment.load(generate(0.02))
        (finding,) = [found for found in check_postgres(deployment.settings) if encoding in found.message]
        assert finding.state == "failed" and finding.remedy
        failures = failures_of_sync(deployment)
        assert failures and all(encoding in failure for failure in failures), failures
        own = "select nspname from pg_namespace where nspname in ('coaching_sync', 'gongio_ft', 'salesforce_ft')"
        assert deployment.query(own) == []
        assert deployment.query("select count(*) from calls") == [(0,)]
