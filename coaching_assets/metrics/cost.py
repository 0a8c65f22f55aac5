"""Metrics of the bytes that BigQuery read and billed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from coaching_assets.postgres.connection import Connection
from coaching_assets.replica.budget import read_budget
from coaching_assets.replica.usage import billed, read_usage
from coaching_assets.settings import Settings

LABELS = ("table", "activity", "kind")
COUNTERS = {
    "coaching_bigquery_bytes_read_total": ("bytes_read", "Bytes of rows received from BigQuery, or processed."),
    "coaching_bigquery_bytes_billed_total": ("bytes_billed", "Bytes that BigQuery bills."),
    "coaching_bigquery_requests_total": ("requests", "Read sessions or query jobs."),
}


def cost_metrics(database: Connection, settings: Settings) -> Iterator[Metric]:
    """The sums of all recorded months, the bytes billed today in UTC, and the limit if there is one.

    Nothing before the first sync.
    """
    sums = read_usage(database, "month", date.min)
    if not sums:
        return
    for name, (figure, documentation) in COUNTERS.items():
        counter = CounterMetricFamily(name, documentation, labels=LABELS)
        for entry in sums:
            counter.add_metric([entry.table, entry.activity, entry.kind], getattr(entry, figure))
        yield counter
    today = datetime.now(UTC).date()
    spent = GaugeMetricFamily("coaching_bigquery_bytes_billed_today", "Bytes that BigQuery billed today (UTC).")
    spent.add_metric([], billed(read_usage(database, "day", today, today)))
    yield spent
    if limit := read_budget(database, settings).limit:
        family = GaugeMetricFamily("coaching_bigquery_daily_bytes", "BIGQUERY_DAILY_BYTES.")
        family.add_metric([], limit)
        yield family
