"""The `coaching` command as a user runs it: output, exit status, and no writes after an error."""

import subprocess
import sys
from pathlib import Path

import pytest

from coaching_assets.demo.sample import generate
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.processes import coaching


@pytest.fixture(scope="module")
def small_sample():
    return generate(0.1)


def written_schemas(deployment: Deployment) -> set[str]:
    rows = deployment.query(
        "select nspname from pg_namespace where nspname in ('coaching_sync', 'gongio_ft', 'salesforce_ft')"
    )
    return {row[0] for row in rows}


def test_sync_status_and_doctor_of_a_healthy_installation(deployment: Deployment, small_sample) -> None:
    deployment.load(small_sample)

    doctor = coaching("doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "✗" not in doctor.stdout
    assert written_schemas(deployment) == set(), "doctor writes nothing"

    program = Path(sys.executable).with_name("coaching")
    sync = subprocess.run([program, "sync"], capture_output=True, text=True)
    assert sync.returncode == 0, sync.stdout + sync.stderr
    assert "coaching/transcripts" in sync.stdout

    status = coaching("status")
    assert status.returncode == 0
    for entity in ("calls", "speakers", "transcripts", "opportunities", "emails", "call_opportunities"):
        assert entity in status.stdout
    assert "never" not in status.stdout


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "mysql://u:p@h/d"}, "DATABASE_URL must start with postgresql://"),
        ({"DATABASE_URL": "postgresql://postgres:x@127.0.0.1:1/nothing"}, "127.0.0.1:1 cannot be reached"),
        ({"BIGQUERY_PROJECT": ""}, "BIGQUERY_PROJECT is not set"),
        ({"BIGQUERY_EMULATOR_HOST": "http://127.0.0.1:1"}, "BIGQUERY_EMULATOR_HOST"),
        (
            {
                "BIGQUERY_EMULATOR_HOST": "",
                "BIGQUERY_STORAGE_EMULATOR_HOST": "",
                "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json",
            },
            "GOOGLE_APPLICATION_CREDENTIALS",
        ),
        ({"GONG_DATASET": "gong_typo"}, "Set GONG_DATASET to the dataset that Fivetran fills"),
        ({"GONG_DATASET": "sel`ect"}, "GONG_DATASET"),
        ({"REPLICA_OVERLAP_HOURS": "soon"}, "REPLICA_OVERLAP_HOURS"),
        ({"COACHING_SCHEMA": "elsewhere"}, "COACHING_SCHEMA"),
    ],
    ids=[
        "no database URL",
        "not a Postgres URL",
        "unreachable Postgres",
        "no project",
        "unreachable emulator",
        "missing key file",
        "missing dataset",
        "invalid dataset name",
        "not a number",
        "missing tables",
    ],
)
def test_a_wrong_setting_is_one_sentence_and_writes_nothing(
    deployment: Deployment, environment: dict[str, str], expected: str
) -> None:
    result = coaching("sync", **environment)
    assert result.returncode == 1
    assert expected in result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert written_schemas(deployment) == set()


def test_a_missing_database_is_named(deployment: Deployment) -> None:
    deployment.query("create role locked login password 'right'")
    url = deployment.url.replace("postgres:postgres@", "locked:wrong@").replace(deployment.name, "no_such_database")
    result = coaching("status", DATABASE_URL=url)
    assert result.returncode == 1
    assert "no database 'no_such_database'" in result.stderr


def test_verbose_shows_the_stack_trace(deployment: Deployment) -> None:
    result = coaching("status", "--verbose", DATABASE_URL="")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_doctor_names_missing_tables_and_the_remedy(deployment: Deployment, small_sample) -> None:
    deployment.load(small_sample, tables=["call", "call_speaker"])
    deployment.query("alter table speakers drop column talk_time_percentage")
    result = coaching("doctor")
    assert result.returncode == 1
    assert "gongio_ft.transcript is not at the source → Select it in Fivetran" in result.stdout
    assert "public.speakers lacks talk_time_percentage" in result.stdout
    assert "salesforce_ft.opportunity is not at the source" in result.stdout


def test_doctor_names_missing_rights_and_the_statement_that_grants_them(deployment: Deployment, small_sample) -> None:
    deployment.load(small_sample)
    role = f"reader_{deployment.name}"
    deployment.query(f"create role {role} login password 'x'")
    deployment.query(f"grant select on all tables in schema public to {role}")
    url = deployment.url.replace("postgres:postgres@", f"{role}:x@")
    result = coaching("doctor", DATABASE_URL=url)
    assert result.returncode == 1
    assert f"grant insert on public.calls to {role};" in result.stdout
    assert "the right to create schemas" in result.stdout


def test_init_db_rejects_a_database_that_has_the_tables(deployment: Deployment) -> None:
    before = deployment.query("select count(*) from pg_class")
    result = coaching("init-db")
    assert result.returncode == 1
    assert "so nothing was changed" in result.stderr
    assert deployment.query("select count(*) from pg_class") == before
