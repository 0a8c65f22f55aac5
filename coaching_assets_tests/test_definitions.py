"""Loading the code location: no network, no credentials, hardly slower than Dagster and dlt themselves."""

import os
import subprocess
import sys

import pytest

WITHOUT_NETWORK = """
import socket

def forbidden(*arguments, **keywords):
    raise AssertionError("the import opened a socket")

socket.socket.connect = forbidden
socket.socket.connect_ex = forbidden
socket.create_connection = forbidden
socket.getaddrinfo = forbidden

from coaching_assets.definitions import defs

assert len(list(defs.resolve_all_asset_specs())) == EXPECTED
"""


@pytest.fixture
def bare_environment(tmp_path) -> dict[str, str]:
    """An environment in which nothing is set that could lead to a server."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}}
    return kept | {"HOME": str(tmp_path), "PYTHONPATH": os.getcwd()}


def test_importing_opens_no_socket_and_needs_no_settings(bare_environment: dict[str, str], tmp_path) -> None:
    program = WITHOUT_NETWORK.replace("EXPECTED", str(15 + 15 + 6))
    result = subprocess.run(
        [sys.executable, "-c", program], env=bare_environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_asset_keys_follow_the_configured_datasets(bare_environment: dict[str, str], tmp_path) -> None:
    program = """
from coaching_assets.definitions import defs
for spec in defs.resolve_all_asset_specs():
    print("/".join(spec.key.path))
"""
    environment = bare_environment | {"GONG_DATASET": "gong_eu", "SALESFORCE_DATASET": "crm"}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    keys = set(result.stdout.split())
    assert {"bigquery/gong_eu/call", "gong_eu/call", "bigquery/crm/account", "crm/account", "coaching/calls"} <= keys
    assert not any("gongio_ft" in key for key in keys)


def test_names_that_others_rely_on() -> None:
    from coaching_assets.definitions import defs

    assert defs.resolve_job_def("coaching_sync")
    assert defs.resolve_schedule_def("hourly_coaching_sync").cron_schedule == "0 * * * *"
