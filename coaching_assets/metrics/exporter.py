"""A Prometheus exporter that reads Postgres at each scrape."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

import psycopg2
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg2.extensions import quote_ident

from coaching_assets.errors import CoachingError
from coaching_assets.metrics.cost import cost_metrics
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.postgres.errors import CannotConnect
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import has_own_tables
from coaching_assets.settings import SettingError, Settings

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

QUERY_TIMEOUT = "5s"
"""Shorter than Prometheus's own scrape timeout of ten seconds."""


class CannotListen(CoachingError):
    """The exporter's address is in use or invalid; the message names it and the remedy."""


@dataclass(frozen=True)
class Measured:
    """A metric per table.

    `columns` are positions in the result of `last_syncs.sql`, each with the value of the metric's second label, if it
    has one (`label`).
    """

    name: str
    documentation: str
    columns: tuple[tuple[int, str | None], ...]
    counter: bool = False
    label: str | None = None


METRICS = (
    Measured(
        "coaching_rows_synced",
        "Rows that the last sync of a table inserted, updated, deleted, or found unchanged.",
        ((2, "inserted"), (3, "updated"), (4, "deleted"), (5, "unchanged")),
        label="operation",
    ),
    Measured("coaching_rows_synced_total", "Rows inserted, updated or deleted by all syncs.", ((13, None),), True),
    Measured("coaching_rows_read", "Rows that the last sync of a table read from BigQuery.", ((6, None),)),
    Measured(
        "coaching_errors_count",
        "Source rows that cannot be published. For a replica table: 1 if the table could not be loaded.",
        ((7, None),),
    ),
    Measured("coaching_duration_seconds", "Duration of the last sync of a table and its group.", ((8, None),)),
    Measured("coaching_last_sync_timestamp_seconds", "End of the last sync of a table.", ((10, None),)),
    Measured("coaching_syncs_total", "Syncs of a table.", ((11, None),), True),
    Measured("coaching_failed_syncs_total", "Failed syncs of a table.", ((12, None),), True),
)
LAGS = {
    False: ("coaching_source_lag_seconds", "Age of the newest Fivetran row in a replica table."),
    True: ("coaching_published_lag_seconds", "Age of the newest Fivetran row that a published table reflects."),
}
LAG, IS_PUBLISHED, STATUS = 9, 14, 15


class SyncCollector(Collector):
    """Reads Postgres at each scrape. If Postgres cannot be reached, `coaching_up` is 0 and the only metric."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def collect(self) -> Iterable[Metric]:
        """Read all metrics."""
        up = GaugeMetricFamily("coaching_up", "Whether Postgres answered.")
        try:
            with connect(self.settings, autocommit=True) as database:
                rows = _read(database, self.settings)
                costs = list(cost_metrics(database, self.settings))
        except (SettingError, CannotConnect, psycopg2.Error) as error:
            logging.getLogger(__name__).warning(str(error).strip())
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return [up, *_metrics(rows), *costs]


def serve(settings: Settings, host: str, port: int) -> tuple["WSGIServer", Thread]:
    """Serve the metrics from a thread.

    Args:
        settings: the database.
        host: address to listen on.
        port: port to listen on; 0 chooses a free one.

    Raises:
        SettingError: DATABASE_URL is missing or wrong.
        CannotListen: the address is in use or invalid.
    """
    settings.postgres_url()
    registry = CollectorRegistry()
    registry.register(SyncCollector(settings))
    try:
        return start_http_server(port, host, registry)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotListen(f"Cannot listen on {host}:{port} ({reason}). Choose another --host or --port.") from error


def _read(database: Connection, settings: Settings) -> list[tuple[Any, ...]]:
    """Read one row per synced table; none before the first sync."""
    with database.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, false)", (QUERY_TIMEOUT,))
        if not has_own_tables(database):
            return []
        path = quote_ident(settings.coaching_schema, cursor)
        cursor.execute("select set_config('search_path', %s, false)", (path,))
        cursor.execute(read_sql(__package__, "last_syncs.sql"), {"schema": settings.coaching_schema})
        return cursor.fetchall()


def _metrics(rows: Sequence[tuple[Any, ...]]) -> Iterator[Metric]:
    for measured in METRICS:
        labels = ["table", measured.label] if measured.label else ["table"]
        kind = CounterMetricFamily if measured.counter else GaugeMetricFamily
        family = kind(measured.name, measured.documentation, labels=labels)
        for row in rows:
            for column, value in measured.columns:
                family.add_metric([row[0], value] if value else [row[0]], row[column])
        yield family
    for is_published, (name, documentation) in LAGS.items():
        lag = GaugeMetricFamily(name, documentation, labels=["table"])
        for row in rows:
            if row[IS_PUBLISHED] == is_published and row[LAG] is not None:
                lag.add_metric([row[0]], float(row[LAG]))
        yield lag
    status = GaugeMetricFamily(
        "coaching_last_sync_status", "Status of the last sync of a table.", labels=["table", "status"]
    )
    for row in rows:
        status.add_metric([row[0], row[STATUS]], 1)
    yield status
