"""Log lines in JSON, of `coaching sync` and of the jobs of a deployment."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from coaching_assets.cli.app import app
from coaching_assets.demo.sample import generate
from coaching_assets_tests.support.deployment import Deployment


def test_json_logs_have_one_line_per_table_with_its_figures(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.load(generate(0.1), tables=["call", "call_speaker", "call_participant"])
    monkeypatch.setenv("LOG_FORMAT", "json")
    result = CliRunner().invoke(app, ["sync"])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    of_table = {line["table"]: line for line in lines if "table" in line}
    ((calls,),) = deployment.query("select count(*) from calls")
    assert of_table["public.calls"]["rows_inserted"] == calls > 0
    assert of_table["gongio_ft.call"]["rows_read"] >= calls
    assert of_table["gongio_ft.call"]["seconds"] > 0
    for line in lines:
        assert {"time", "level", "message", "run_id", "job"} <= set(line)
    assert lines[-1]["message"].startswith('Finished execution of run for "coaching_sync"')
    assert {"info", "warning"} <= {line["level"] for line in lines}


@pytest.mark.integration
def test_the_jobs_of_a_deployment_log_json() -> None:
    program = (
        "from dagster import DagsterInstance\n"
        "from coaching_assets.definitions import sync_job\n"
        "with DagsterInstance.ephemeral() as instance:\n"
        "    sync_job().execute_in_process(instance=instance, raise_on_error=False)\n"
    )
    environment = {**os.environ, "LOG_FORMAT": "json", "BIGQUERY_PROJECT": ""}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    errors = [line for line in lines if line["level"] == "error"]
    assert any(line["message"].startswith("gong_calls: BIGQUERY_PROJECT is not set") for line in errors)
    assert "ENGINE_EVENT" not in result.stdout + result.stderr
