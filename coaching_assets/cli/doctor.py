"""`coaching doctor`: what is missing before a sync can work, a line a check, with the remedy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from coaching_assets.alerts.send import recipients
from coaching_assets.bigquery.client import BigQuery
from coaching_assets.bigquery.client import connect as connect_bigquery
from coaching_assets.bigquery.errors import DATASET_REMEDY, SourceError
from coaching_assets.bigquery.metadata import TableDescription, describe, table_names
from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.catalogue import Source, SourceTable
from coaching_assets.postgres.connection import CannotConnect, Connection, connect, read_sql
from coaching_assets.publish.application import missing_columns
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import SettingError, Settings

OLDEST_POSTGRES = 15
POOLER_PORTS = frozenset({6432})
MARKS = {"ok": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "failed": "[red]✗[/red]"}


@dataclass(frozen=True)
class Finding:
    """The result of one check. A warning does not keep a sync from working."""

    state: Literal["ok", "warning", "failed"]
    what: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Run all checks, one after the other; nothing is written anywhere."""
    yield from _guarded("BigQuery", lambda: _bigquery(settings))
    yield from _guarded("Postgres", lambda: _postgres(settings))
    yield from _alerts(settings)


def print_findings(console: Console, findings: Iterator[Finding]) -> bool:
    """Print a line a check, as they come.

    Returns:
        Whether none failed.
    """
    healthy = True
    for finding in findings:
        healthy = healthy and finding.state != "failed"
        remedy = f" → {finding.remedy}" if finding.remedy else ""
        console.print(MARKS[finding.state] + escape(f" {finding.what}{remedy}"), highlight=False, soft_wrap=True)
    return healthy


def _guarded(what: str, checks: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """A server that cannot be reached is one finding, not the end."""
    try:
        yield from checks()
    except (SettingError, CannotConnect, SourceError) as error:
        yield Finding("failed", what, str(error))


def _bigquery(settings: Settings) -> Iterator[Finding]:
    project = settings.project()
    origin: str = settings.bigquery_credentials_origin or "Google's application default credentials"
    if settings.bigquery_emulator_host:
        origin = f"none, for the emulator at {settings.bigquery_emulator_host}"
    with connect_bigquery(settings) as bigquery:
        datasets: dict[Source, frozenset[str] | None] = {
            source: table_names(bigquery, settings.datasets[source]) for source in ("gong", "salesforce")
        }
        yield Finding("ok", f"BigQuery project {project} answers; credentials: {origin}")
        for source, names in datasets.items():
            yield from _dataset(bigquery, settings, source, names)


def _dataset(bigquery: BigQuery, settings: Settings, source: Source, names: frozenset[str] | None) -> Iterator[Finding]:
    dataset = settings.datasets[source]
    setting = f"{source.upper()}_DATASET"
    if names is None:
        state: Literal["warning", "failed"] = "failed" if source == "gong" else "warning"
        remedy = DATASET_REMEDY.format(setting=setting)
        yield Finding(state, f"Dataset {dataset} is not there", remedy)
        return
    yield Finding("ok", f"Dataset {dataset}: {len(names)} tables")
    for table in SOURCE_TABLES:
        if table.source == source:
            yield _source_table(table, dataset, describe(bigquery, dataset, table.name))


def _source_table(table: SourceTable, dataset: str, description: TableDescription | None) -> Finding:
    name = f"{dataset}.{table.name}"
    if description is None:
        remedy = f"Select it in Fivetran's connector: without it {table.without}."
        return Finding("failed" if table.required else "warning", f"{name} is not at the source", remedy)
    present = frozenset(description.columns)
    required = [column.name for column in table.columns if column.required and column.name not in present]
    if required:
        remedy = f"Select the columns in Fivetran's connector: {', '.join(required)}."
        return Finding("failed", f"{name} lacks columns that are needed", remedy)
    optional = [column.name for column in table.columns if column.name not in present]
    lacks = f", without {', '.join(optional)}" if optional else ""
    return Finding("ok", f"{name}: {description.row_count:,} rows{lacks}")


def _postgres(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.postgres_url())
    with connect(settings) as database:
        yield Finding("ok", f"Postgres answers at {parts.hostname}; credentials: {settings.database_url_origin}")
        yield _version(database)
        yield _direct(database, parts.hostname or "", parts.port)
        yield from _application_tables(database, settings)
        yield from _rights(database, settings)


def _alerts(settings: Settings) -> Iterator[Finding]:
    if not settings.alert_urls:
        yield Finding("warning", "Nobody is alerted when something fails", "Set ALERT_URLS; see docs/alerts.md.")
    for recipient in recipients(settings):
        if isinstance(recipient, SettingError):
            yield Finding("failed", "Alerts", str(recipient))
        else:
            yield Finding("ok", f"Alerts: {recipient}; `coaching alert-test` sends one")


def _version(database: Connection) -> Finding:
    major = database.server_version // 10_000
    if major < OLDEST_POSTGRES:
        return Finding("failed", f"Postgres {major} is too old", f"Upgrade to {OLDEST_POSTGRES} or newer.")
    return Finding("ok", f"Postgres {major}")


def _direct(database: Connection, host: str, port: int | None) -> Finding:
    """A pooler in transaction mode loses the session's settings, temporary tables and locks between transactions.

    A pooler's connection has a process id that is none of the server's.
    """
    remedy = "Set DATABASE_URL to the direct host (at Neon: without -pooler)."
    if "-pooler" in host or port in POOLER_PORTS:
        return Finding("failed", f"{host} is a connection pooler", remedy)
    with database.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        process = (cursor.fetchone() or (0,))[0]
    if process != database.info.backend_pid:
        return Finding("warning", f"{host} is a connection pooler, which does no harm in session mode only", remedy)
    return Finding("ok", "A direct host, no connection pooler")


def _application_tables(database: Connection, settings: Settings) -> Iterator[Finding]:
    missing = missing_columns(database, settings.coaching_schema)
    if not missing:
        yield Finding("ok", f"The application's tables are in schema {settings.coaching_schema}")
    for table, columns in missing.items():
        remedy = "Set COACHING_SCHEMA to the application's schema, or run `coaching init-db` in an empty database."
        yield Finding("failed", f"{settings.coaching_schema}.{table} lacks {', '.join(columns)}", remedy)


def _rights(database: Connection, settings: Settings) -> Iterator[Finding]:
    with database.cursor() as cursor:
        schemas = [*settings.datasets.values(), *(f"{name}_staging" for name in settings.datasets.values())]
        parameters = {
            "schema": settings.coaching_schema,
            "tables": [*(table.name for table in TABLES), "sync_status"],
            "own_schemas": [*schemas, "coaching_sync"],
        }
        cursor.execute(read_sql(__package__, "missing_rights.sql"), parameters)
        lacking = cursor.fetchall()
    for right, remedy in lacking:
        yield Finding("failed", f"The database user lacks {right}", remedy)
    if not lacking:
        yield Finding("ok", "The database user has the rights that a sync needs")
