"""Least rights suffice, secrets stay secret, and the way to another machine is encrypted."""

import json
from pathlib import Path

import psycopg2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from psycopg2 import errors

from coaching_assets.demo.sample import generate
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets_tests.support import processes
from coaching_assets_tests.support.dagster_deployment import DagsterDeployment, awaited
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import found_differences
from coaching_assets_tests.support.receiver import SECRETS

PASSWORD = "pass-8f3b1c-word"
TOKEN = "token-51d0aa-secret"


@pytest.fixture
def least(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the role that `roles.sql` makes, which the environment then names."""
    with deployment.connect() as connection, connection.cursor() as cursor:
        cursor.execute(read_sql("coaching_assets.postgres", "roles.sql"))
    deployment.query(f"alter role coaching_sync login password '{PASSWORD}'")
    url = deployment.url.replace("postgres:postgres@", f"coaching_sync:{PASSWORD}@")
    monkeypatch.setenv("DATABASE_URL", url)
    return url


@pytest.mark.slow
def test_a_sync_needs_no_more_than_the_least_rights(deployment: Deployment, least: str, tmp_path: Path) -> None:
    sample = generate(0.02)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    assert found_differences(deployment, sample, tmp_path) == []
    for statement in (
        "drop table calls cascade",
        "alter table calls add column mine int",
        "truncate calls cascade",
        "create table public.mine ()",
        "create schema mine",
    ):
        with psycopg2.connect(least) as connection, connection.cursor() as cursor:
            with pytest.raises(errors.InsufficientPrivilege):
                cursor.execute(statement)
            connection.rollback()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A service account's key, which leads nowhere; its private key is one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    file = tmp_path / "key.json"
    file.write_text(
        json.dumps(
            {
                "type": "service_account",
                "project_id": "nowhere",
                "private_key": pem,
                "client_email": "sync@nowhere.example",
                "token_uri": "http://127.0.0.1:1/token",
            }
        )
    )
    return file


@pytest.mark.slow
def test_secrets_are_printed_and_kept_nowhere(deployment: Deployment, least: str, tmp_path: Path) -> None:
    deployment.load(generate(0.02))
    home = tmp_path / "dagster"
    home.mkdir()
    variables = {"ALERT_URLS": f"json://127.0.0.1:1/{TOKEN}", "DAGSTER_HOME": str(home), "POSTGRES_RETRIES": "0"}
    wrong = least.replace(f":{deployment.postgres.port}", ":1")
    deployment.query("revoke insert on calls from coaching_sync")
    out = tmp_path / "out"
    commands = [
        processes.start(out, "sync", "--verbose", **variables),
        processes.start(out, "doctor", **variables),
        processes.start(out, "status", "--verbose", DATABASE_URL=wrong, **variables),
        processes.start(out, "sync", "--verbose", DATABASE_URL=wrong, **variables),
        processes.start(out, "alert-test", "--verbose", **variables),
    ]
    assert [command.wait() != 0 for command in commands] == [True] * len(commands)
    said = "".join(command.printed() for command in commands)
    assert "lacks a right" in said
    kept = "".join(str(row) for row in deployment.query("select * from sync_status"))
    kept += "".join(file.read_bytes().decode(errors="replace") for file in home.rglob("*") if file.is_file())
    assert "lacks a right" in kept
    for secret in (PASSWORD, TOKEN):
        assert secret not in said
        assert secret not in kept


@pytest.mark.slow
def test_a_private_key_is_printed_nowhere(least: str, key_file: Path, tmp_path: Path) -> None:
    """Where Google cannot be reached with it, and where it is no key at all."""
    google = {"BIGQUERY_EMULATOR_HOST": "", "BIGQUERY_STORAGE_EMULATOR_HOST": "", "BIGQUERY_PROJECT": "nowhere"}
    broken = tmp_path / "broken.json"
    broken.write_text(key_file.read_text().replace("BEGIN PRIVATE", "BEGIN NO"))
    commands = [
        processes.start(tmp_path / "out", what, "--verbose", GOOGLE_APPLICATION_CREDENTIALS=str(file), **google)
        for what in ("doctor", "sync")
        for file in (key_file, broken)
    ]
    for command in commands:
        assert command.wait(240) != 0
        assert "nowhere" in command.printed() or "GOOGLE_APPLICATION_CREDENTIALS" in command.printed()
    said = "".join(command.printed() for command in commands)
    lines = json.loads(key_file.read_text())["private_key"].splitlines()
    assert [line for line in lines if not line.startswith("---") and line in said] == []


SHOWN = Path(__file__).with_name("shown_in_ui.graphql").read_text()


@pytest.mark.slow
def test_secrets_are_not_shown_in_the_ui(dagster: DagsterDeployment) -> None:
    """Asked as the UI asks, of a served Dagster whose sync has just failed at Postgres."""
    installation = dagster.installation
    dagster.idle()
    installation.query("revoke insert on calls from public; alter table calls rename to calls_away")
    try:
        run = dagster.client.submit_job_execution("coaching_sync")
        awaited(lambda: dagster.instance.get_run_by_id(run).is_finished or None, "the end of the run")
        shown = json.dumps(dagster.client._execute(SHOWN))
    finally:
        installation.query("alter table calls_away rename to calls")
    assert run in shown
    assert "STEP_FAILURE" in shown or "ExecutionStepFailureEvent" in shown
    assert "calls" in shown
    for secret in (installation.url, installation.url.partition("//")[2].partition("/")[0], *SECRETS):
        assert secret not in shown
