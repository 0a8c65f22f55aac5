"""The Prometheus metrics of the last syncs, over HTTP."""

import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

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
        deployment.query(
            "create function refuse() returns trigger language plpgsql as $$ begin raise sqlstate '53100'; end $$"
        )
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
