"""Freshness, measured on data: whether published tables are behind the source, and whether Fivetran delivers at all."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dagster import AssetCheckSeverity, AssetCheckSpec

from coaching_assets.bigquery.errors import SourceError
from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.catalogue import Source, SourceTable
from coaching_assets.defs.published_assets import published_key
from coaching_assets.defs.source_assets import source_key
from coaching_assets.defs.verdict import Verdict
from coaching_assets.durations import readable_age
from coaching_assets.postgres.connection import Connection, connect, read_sql
from coaching_assets.publish.sync_status import read_entity
from coaching_assets.publish.tables import TABLES, PublishedTable
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.replica.changes import Changes

PUBLISHED_IS_FRESH = "published_is_fresh"
SOURCE_IS_FRESH = "source_is_fresh"
LAST_SYNC_SUCCEEDED = "last_sync_succeeded"

WITNESSES = {"gong": "call", "salesforce": "opportunity"}
"""The table of each dataset whose asset carries the check `source_is_fresh`."""


@dataclass(frozen=True)
class Behind:
    """Since when a published table has not reflected the source (None: it does), and when it was last published."""

    since: datetime | None
    published_at: datetime


def freshness_specs(settings: Settings) -> list[AssetCheckSpec]:
    """The checks of this module."""
    specs = [
        AssetCheckSpec(SOURCE_IS_FRESH, asset=source_key(settings, table), description="Fivetran keeps delivering.")
        for table in _witnesses()
    ]
    for table in TABLES:
        key = published_key(table)
        fresh = "The table reflects what BigQuery has, or has not been behind for long."
        specs.append(AssetCheckSpec(PUBLISHED_IS_FRESH, asset=key, description=fresh))
        succeeded = "The last sync published the table, from all the tables that it is made of."
        specs.append(AssetCheckSpec(LAST_SYNC_SUCCEEDED, asset=key, description=succeeded))
    return specs


def check_freshness(settings: Settings, now: datetime) -> Iterator[Verdict]:
    """Evaluate all checks of this module. BigQuery is asked for metadata alone, and may be away.

    Raises:
        SettingError, CannotConnect: the database cannot be asked.
    """
    with connect(settings, autocommit=True) as database:
        changes, unreachable = _look(database, settings)
        behind = _behind(database, settings)
        for table in TABLES:
            yield _published_is_fresh(settings, table, behind.get(table.name), now, unreachable)
            yield _last_sync_succeeded(database, settings, table)
        for witness in _witnesses():
            delivered = _last_delivery(database, settings, witness.source, changes)
            yield _source_is_fresh(settings, witness, delivered, now)


def _witnesses() -> list[SourceTable]:
    return [table for table in SOURCE_TABLES if WITNESSES[table.source] == table.name]


def _look(database: Connection, settings: Settings) -> tuple["Changes | None", str]:
    from coaching_assets.bigquery.client import connect as connect_bigquery
    from coaching_assets.replica.changes import look

    try:
        with connect_bigquery(settings) as bigquery:
            return look(bigquery, database, settings), ""
    except SourceError as error:
        return None, str(error)


def _behind(database: Connection, settings: Settings) -> dict[str, Behind]:
    by_view = {source.view: source for source in SOURCE_TABLES}
    pairs = [(table.name, by_view[view]) for table in TABLES for view in table.sources]
    parameters = {
        "published": [name for name, _ in pairs],
        "schemas": [settings.datasets[source.source] for _, source in pairs],
        "tables": [source.name for _, source in pairs],
    }
    if not _has_bookkeeping(database):
        return {}
    with database.cursor() as cursor:
        cursor.execute(read_sql(__package__, "behind.sql"), parameters)
        return {name: Behind(since, published_at) for name, since, published_at in cursor.fetchall()}


def _has_bookkeeping(database: Connection) -> bool:
    with database.cursor() as cursor:
        cursor.execute(
            "select to_regclass('coaching_sync.source_changes') is not null"
            " and to_regclass('coaching_sync.published_tables') is not null"
        )
        return bool((cursor.fetchone() or (False,))[0])


def _published_is_fresh(
    settings: Settings, table: PublishedTable, behind: Behind | None, now: datetime, unreachable: str
) -> Verdict:
    key = published_key(table)
    if behind is None:
        return Verdict(PUBLISHED_IS_FRESH, key, False, "Never published. Run coaching_sync, or switch its schedule on.")
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
        said = "Reflects what BigQuery has." if behind.since is None else f"Behind for {readable_age(lag)}."
        said += f" Whether BigQuery changed since is not known: {unreachable}" if unreachable else ""
        return Verdict(PUBLISHED_IS_FRESH, key, not unreachable, said, metadata=metadata)
    severity = AssetCheckSeverity.ERROR if lag >= error else AssetCheckSeverity.WARN
    said = (
        f"BigQuery has had changes for {readable_age(lag)} that {table.name} does not reflect."
        " Look at the last run of coaching_sync, and whether its schedule and the daemon are running."
    )
    return Verdict(PUBLISHED_IS_FRESH, key, False, said, severity, metadata)


def _last_sync_succeeded(database: Connection, settings: Settings, table: PublishedTable) -> Verdict:
    status = read_entity(database, settings.coaching_schema, table.name)
    key = published_key(table)
    problem = status.details.get("error") or "; ".join(
        f"{name}: {reason}" for name, reason in status.details.get("failed_source_tables", {}).items()
    )
    severity = AssetCheckSeverity.ERROR if status.status == "failed" else AssetCheckSeverity.WARN
    passed = status.status != "never" and not problem
    said = problem or ("The last sync succeeded." if passed else "Never synced. Run coaching_sync.")
    metadata: dict[str, str | int] = {"status": status.status, "errors_count": status.errors}
    return Verdict(LAST_SYNC_SUCCEEDED, key, passed, said, severity, metadata)


def _last_delivery(
    database: Connection, settings: Settings, source: Source, changes: "Changes | None"
) -> datetime | None:
    """When Fivetran last delivered into a dataset: by the rows that were loaded, or a change that was not yet."""
    from coaching_assets.replica.loading import newest_source_time

    tables = [table for table in SOURCE_TABLES if table.source == source]
    loaded = [newest_source_time(database, settings.datasets[source], table.name) for table in tables]
    changed = changes.changed if changes else {}
    return max((time for time in [*loaded, *map(changed.get, tables)] if time is not None), default=None)


def _source_is_fresh(settings: Settings, table: SourceTable, delivered: datetime | None, now: datetime) -> Verdict:
    key, dataset = source_key(settings, table), settings.datasets[table.source]
    objective = settings.delivery_objective(table.source)
    if delivered is None:
        return Verdict(SOURCE_IS_FRESH, key, True, f"Nothing of dataset {dataset} was ever loaded.")
    age = now - delivered
    metadata: dict[str, str | float] = {
        "newest_source_time": delivered.isoformat(),
        "age_seconds": round(age.total_seconds(), 1),
    }
    if age < objective:
        return Verdict(SOURCE_IS_FRESH, key, True, f"Fivetran delivered {readable_age(age)} ago.", metadata=metadata)
    said = (
        f"Fivetran has delivered nothing into {dataset} for {readable_age(age)}: this is not about the sync."
        " Look at the connector's status and its last sync in Fivetran's dashboard."
    )
    return Verdict(SOURCE_IS_FRESH, key, False, said, metadata=metadata)
