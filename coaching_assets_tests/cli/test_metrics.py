"""The figures of the last syncs for machines: Prometheus metrics over HTTP, and log lines in JSON."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from coaching_assets.cli.app import app
from coaching_assets.demo.sample import generate
from coaching_assets.metrics.exporter import CannotListen, serve
from coaching_assets.settings import SettingError, load_settings
from coaching_assets_tests.support.deployment import Deployment

Samples = dict[tuple[str, ...], float]


@contextmanager
def exporter() -> Iterator[str]:
    server, thread = serve(load_settings(), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def scrape(url: str) -> Samples:
    """Each sample by its name and the values of its labels."""
    with urllib.request.urlopen(url) as response:
        families = list(text_string_to_metric_families(response.read().decode()))
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_the_metrics_match_the_last_syncs(deployment: Deployment) -> None:
    with exporter() as url:
        assert scrape(url) == {("coaching_up",): 1.0}, "before the first sync"

        started = time.time()
        deployment.load(generate(0.1))
        assert deployment.sync().failures == ()
        ((calls,),) = deployment.query("select count(*) from calls")
        ((rejected,),) = deployment.query("select count(*) from coaching_sync.rejected_rows")
        ((read,),) = deployment.query("select count(*) from gongio_ft.transcript")
        first = scrape(url)
        assert first["coaching_rows_synced", "inserted", "public.calls"] == calls > 0
        assert first["coaching_rows_synced", "updated", "public.calls"] == 0
        assert first["coaching_rows_read", "gongio_ft.transcript"] >= read > 0
        assert sum(v for (name, *_), v in first.items() if name == "coaching_errors_count") == rejected > 0
        assert first["coaching_last_sync_status", "success", "public.calls"] == 1
        assert first["coaching_last_sync_status", "partial", "public.transcripts"] == 1
        assert first["coaching_duration_seconds", "public.calls"] > 0
        assert started <= first["coaching_last_sync_timestamp_seconds", "public.calls"] <= time.time()
        ((lag,),) = deployment.query(
            "select extract(epoch from now() - last_sync_timestamp) from sync_status where entity_type = 'calls'"
        )
        assert 0 <= float(lag) - first["coaching_published_lag_seconds", "public.calls"] < 600
        assert ("coaching_source_lag_seconds", "gongio_ft.call") in first
        assert ("coaching_source_lag_seconds", "public.calls") not in first

        assert deployment.sync().failures == ()
        second = scrape(url)
        assert second["coaching_rows_synced", "inserted", "public.calls"] == 0
        assert second["coaching_rows_synced_total", "public.calls"] == calls
        assert second["coaching_syncs_total", "public.calls"] == 2
        assert ("coaching_source_lag_seconds", "gongio_ft.call") in second

        deployment.query("delete from emails")
        deployment.query("update coaching_sync.published_tables set fingerprint = '' where published_table = 'emails'")
        deployment.query("create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$")
        deployment.query("create trigger refuse before insert on emails for each row execute function refuse()")
        assert not deployment.sync().success
        third = scrape(url)
        assert third["coaching_last_sync_status", "failed", "public.emails"] == 1
        assert third["coaching_failed_syncs_total", "public.emails"] == 1
        assert third["coaching_failed_syncs_total", "public.calls"] == 0
        assert ("coaching_published_lag_seconds", "public.emails") in third


def test_an_unreachable_postgres_is_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/nothing")
    with exporter() as url:
        assert scrape(url) == {("coaching_up",): 0.0}
        assert scrape(url) == {("coaching_up",): 0.0}
        with pytest.raises(CannotListen, match="Cannot listen on"):
            serve(load_settings(), "127.0.0.1", int(url.rsplit(":", 1)[1].removesuffix("/metrics")))
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(SettingError, match="DATABASE_URL"):
        serve(load_settings(), "127.0.0.1", 0)


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
