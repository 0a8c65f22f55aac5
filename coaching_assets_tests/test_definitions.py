"""Loading the code location: no network, no credentials, and nothing imported that only loading a table needs."""

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coaching_assets.demo.sample import generate
from coaching_assets.replica.placement import PLAIN_NAME, column_name
from coaching_assets_tests.support.deployment import Deployment

pytestmark = pytest.mark.integration

NEEDED_FOR_LOADING = ("dlt", "dagster_dlt", "adbc_driver_manager")

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


def test_importing_leaves_out_what_only_loading_a_table_needs(bare_environment: dict[str, str], tmp_path) -> None:
    program = f"""
import sys
import coaching_assets.definitions
print(sorted({{*{NEEDED_FOR_LOADING}, "pyarrow", "grpc", "google.cloud"}} & sys.modules.keys()))
"""
    result = subprocess.run(
        [sys.executable, "-c", program], env=bare_environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_sync_with_nothing_changed_does_not_import_dlt(deployment: Deployment) -> None:
    deployment.load(generate(0.02))
    assert deployment.sync().success
    program = f"""
import sys
from coaching_assets.cli.in_process import run_sync
from coaching_assets.settings import load_settings
assert run_sync(load_settings()).success
print(sorted({{*{NEEDED_FOR_LOADING}}} & sys.modules.keys()))
"""
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


@settings(deadline=None)
@given(st.from_regex(PLAIN_NAME, fullmatch=True))
def test_a_column_has_the_name_that_dlt_gives_it(name: str) -> None:
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    assert column_name(name) == NamingConvention(63).normalize_path(name)
