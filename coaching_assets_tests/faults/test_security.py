"""Least rights suffice, secrets stay secret, and the way to another machine is encrypted."""

from pathlib import Path

import psycopg2
import pytest
from psycopg2 import errors

from coaching_assets.demo.sample import generate
from coaching_assets.postgres import read_sql
from coaching_assets.settings import Settings
from coaching_assets_tests import processes
from coaching_assets_tests.deployment import Deployment
from coaching_assets_tests.editing import found_differences

PASSWORD = "pass-8f3b1c-word"
TOKEN = "token-51d0aa-secret"


@pytest.fixture
def least(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the role that `roles.sql` makes, which the environment then names."""
    with deployment.connect() as connection, connection.cursor() as cursor:
        cursor.execute(read_sql("coaching_assets.published", "roles.sql"))
    deployment.query(f"alter role coaching_sync login password '{PASSWORD}'")
    url = deployment.url.replace("postgres:postgres@", f"coaching_sync:{PASSWORD}@")
    monkeypatch.setenv("DATABASE_URL", url)
    return url


@pytest.mark.faults
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


def test_secrets_are_printed_and_kept_nowhere(deployment: Deployment, least: str, tmp_path: Path) -> None:
    deployment.load(generate(0.02))
    home = tmp_path / "dagster"
    home.mkdir()
    variables = {"ALERT_URLS": f"json://127.0.0.1:1/{TOKEN}", "DAGSTER_HOME": str(home), "POSTGRES_RETRIES": "0"}
    wrong = least.replace(f":{deployment.postgres.port}", ":1")
    deployment.query("revoke insert on calls from coaching_sync")
    commands = [
        processes.start(tmp_path / "out", "sync", "--verbose", **variables),
        processes.start(tmp_path / "out", "doctor", **variables),
        processes.start(tmp_path / "out", "status", "--verbose", DATABASE_URL=wrong, **variables),
        processes.start(tmp_path / "out", "sync", "--verbose", DATABASE_URL=wrong, **variables),
    ]
    assert [command.wait() != 0 for command in commands] == [True] * 4
    said = "".join(command.printed() for command in commands)
    assert "lacks a right" in said
    kept = "".join(str(row) for row in deployment.query("select * from sync_status"))
    kept += "".join(file.read_bytes().decode(errors="replace") for file in home.rglob("*") if file.is_file())
    assert "lacks a right" in kept
    for secret in (PASSWORD, TOKEN):
        assert secret not in said
        assert secret not in kept


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://u:p@db.example.com:5432/app", "sslmode=require"),
        ("postgresql://u:p@10.0.0.1/app?connect_timeout=5", "connect_timeout=5&sslmode=require"),
        ("postgresql://u:p@db.example.com/app?sslmode=verify-full", "sslmode=verify-full"),
        ("postgresql://u:p@localhost/app", ""),
        ("postgresql://u:p@127.0.0.9/app", ""),
        ("postgresql://u:p@[::1]/app", ""),
        ("postgresql://u:p@/app?host=/var/run/postgresql", "host=/var/run/postgresql"),
    ],
)
def test_connections_to_other_machines_are_encrypted(url: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.delenv("PGSSLMODE", raising=False)
    assert Settings().postgres_url().partition("?")[2] == mode
