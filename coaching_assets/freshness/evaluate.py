"""Evaluate the freshness checks from data: what BigQuery has, what the replica holds, what was published."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from coaching_assets.bigquery.errors import SourceError
from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.catalogue import Source, SourceTable
from coaching_assets.durations import readable_age
from coaching_assets.freshness.verdict import (
    LAST_SYNC_SUCCEEDED,
    PUBLISHED_IS_FRESH,
    SOURCE_IS_FRESH,
    WITHIN_DAILY_LIMIT,
    WITNESSES,
    Verdict,
)
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import has_own_tables
from coaching_assets.publish.published_table import PublishedTable
from coaching_assets.publish.sync_status import read_entity
from coaching_assets.publish.tables import TABLES
from coaching_assets.replica.budget import read_budget, readable_bytes
from coaching_assets.replica.changes import Changes, detect_changes
from coaching_assets.replica.watermark import newest_source_time
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery


@dataclass(frozen=True)
class Behind:
    """The time since which a table has been behind the source (None: it is not), and its last publication."""

    since: datetime | None
    published_at: datetime


def evaluate_freshness(
    settings: Settings, bigquery: "BigQuery", database: Connection, now: datetime
) -> Iterator[Verdict]:
    """Evaluate all freshness checks. BigQuery answers with metadata alone, and may be unreachable.

    Args:
        settings: the objectives, and the datasets' names.
        bigquery: the source.
        database: a connection that commits each statement.
        now: the time at which ages are measured.
    """
    changes, unreachable = _changes(bigquery, database, settings)
    behind = _behind(database, settings)
    for table in TABLES:
        yield _published_is_fresh(settings, table, behind.get(table.name), now, unreachable)
        yield _last_sync_succeeded(database, settings, table)
    for witness in WITNESSES:
        delivered = _last_delivery(database, settings, witness.source, changes)
        yield _source_is_fresh(settings, witness, delivered, now)
    yield _within_daily_limit(database, settings, now)


def _changes(bigquery: "BigQuery", database: Connection, settings: Settings) -> tuple[Changes | None, str]:
    """The source's changes, or the reason why BigQuery does not tell."""
    try:
        return detect_changes(bigquery, database, settings), ""
    except SourceError as error:
        return None, str(error)


def _behind(database: Connection, settings: Settings) -> dict[str, Behind]:
    by_view = {source.view: source for source in SOURCE_TABLES}
    pairs = [(table.name, by_view[view]) for table in TABLES for view in table.sources]
    parameters = {
        "published": [name for name, _ in pairs],
        "schemas": [settings.schemas[source.source] for _, source in pairs],
        "tables": [source.name for _, source in pairs],
    }
    if not has_own_tables(database):
        return {}
    with database.cursor() as cursor:
        cursor.execute(read_sql(__package__, "behind.sql"), parameters)
        return {name: Behind(since, published_at) for name, since, published_at in cursor.fetchall()}


def _published_is_fresh(
    settings: Settings, table: PublishedTable, behind: Behind | None, now: datetime, unreachable: str
) -> Verdict:
    if behind is None:
        remedy = "Run `coaching sync`, or turn on the schedule hourly_coaching_sync."
        return Verdict(PUBLISHED_IS_FRESH, table, False, f"Never published. {remedy}")
    lag = max(now - behind.since, timedelta()) if behind.since else timedelta()
    warn, error = settings.objective(table.name)
    metadata: dict[str, str | float] = {
        "lag_seconds": round(lag.total_seconds(), 1),
        "published_at": behind.published_at.isoformat(),
        "warn_after_minutes": warn.total_seconds() / 60,
        "error_after_minutes": error.total_seconds() / 60,
    }
    if behind.since is not None:
        metadata["behind_since"] = behind.since.isoformat()
    if lag < warn:
        sentence = "Up to date with BigQuery." if behind.since is None else f"Behind BigQuery for {readable_age(lag)}."
        sentence += f" Newer changes are unknown: {unreachable}" if unreachable else ""
        return Verdict(PUBLISHED_IS_FRESH, table, not unreachable, sentence, metadata=metadata)
    sentence = (
        f"{table.name} has been behind BigQuery for {readable_age(lag)}. Check the last run of coaching_sync, its"
        " schedule, and that the Dagster daemon is running."
    )
    severity = "error" if lag >= error else "warning"
    return Verdict(PUBLISHED_IS_FRESH, table, False, sentence, severity, metadata)  # type: ignore[arg-type]


def _last_sync_succeeded(database: Connection, settings: Settings, table: PublishedTable) -> Verdict:
    status = read_entity(database, settings.coaching_schema, table.name)
    problem = status.details.get("error") or "; ".join(
        f"{name}: {reason}" for name, reason in status.details.get("failed_source_tables", {}).items()
    )
    passed = status.status != "never" and not problem
    sentence = problem or ("The last sync succeeded." if passed else "Never synced. Run `coaching sync`.")
    return Verdict(
        LAST_SYNC_SUCCEEDED,
        table,
        passed,
        sentence,
        "error" if status.status == "failed" else "warning",
        {"status": status.status, "errors_count": status.errors},
    )


def _last_delivery(
    database: Connection, settings: Settings, source: Source, changes: Changes | None
) -> datetime | None:
    """The time of Fivetran's last delivery into a dataset: of a loaded row, or of a change that is not loaded yet."""
    tables = [table for table in SOURCE_TABLES if table.source == source]
    loaded = [newest_source_time(database, settings.schemas[source], table.name) for table in tables]
    changed = changes.changed if changes else {}
    return max((time for time in [*loaded, *map(changed.get, tables)] if time is not None), default=None)


def _source_is_fresh(settings: Settings, table: SourceTable, delivered: datetime | None, now: datetime) -> Verdict:
    dataset = settings.datasets[table.source]
    if delivered is None:
        return Verdict(SOURCE_IS_FRESH, table, True, f"No row of dataset {dataset} was ever loaded.")
    age = now - delivered
    metadata: dict[str, str | float] = {
        "newest_source_time": delivered.isoformat(),
        "age_seconds": round(age.total_seconds(), 1),
    }
    if age < settings.delivery_objective(table.source):
        sentence = f"Fivetran delivered {readable_age(age)} ago."
        return Verdict(SOURCE_IS_FRESH, table, True, sentence, metadata=metadata)
    sentence = (
        f"Fivetran has not delivered into {dataset} for {readable_age(age)}. The sync works; check the connector's"
        " status and its last sync in Fivetran's dashboard."
    )
    return Verdict(SOURCE_IS_FRESH, table, False, sentence, metadata=metadata)


def _within_daily_limit(database: Connection, settings: Settings, now: datetime) -> Verdict:
    budget = read_budget(database, settings, now)
    if budget.limit is None:
        sentence = "BIGQUERY_DAILY_BYTES is not set, so there is no limit."
        return Verdict(WITHIN_DAILY_LIMIT, WITNESSES[0], True, sentence)
    metadata: dict[str, str | int] = {
        "bytes_billed_today": budget.billed,
        "daily_bytes": budget.limit,
        "day": budget.day.isoformat(),
    }
    sentence = budget.sentence or (
        f"BigQuery has billed {readable_bytes(budget.billed)} today (UTC), {budget.share:.0%} of BIGQUERY_DAILY_BYTES."
    )
    return Verdict(WITHIN_DAILY_LIMIT, WITNESSES[0], not budget.sentence, sentence, metadata=metadata)
