"""The sensor `bigquery_changes`: a sync of what changed, soon after it changed, found by metadata alone."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetObservation,
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from coaching_assets.bigquery.errors import SourceError
from coaching_assets.catalogue import TABLES, SourceTable
from coaching_assets.defs.jobs import coaching_sync, unfinished_sync
from coaching_assets.defs.published_assets import published_key
from coaching_assets.defs.replica_assets import replica_checks, replica_key
from coaching_assets.defs.source_assets import source_key
from coaching_assets.defs.table_checks import integrity_specs
from coaching_assets.postgres.connection import CannotConnect, connect
from coaching_assets.publish.tables import TABLES as PUBLISHED
from coaching_assets.publish.tables import reached_from
from coaching_assets.settings import SettingError, Settings, load_settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.metadata import TableDescription
    from coaching_assets.replica.changes import Changes

PATIENCE = 10
"""Quiet periods after which a source that never keeps quiet is synced all the same."""


@dataclass
class Seen:
    """What earlier ticks saw and asked for. Losing it costs an observation a table and perhaps a run, no data."""

    modified: dict[str, str] = field(default_factory=dict)
    requested: str = ""

    @classmethod
    def parse(cls, cursor: str | None) -> "Seen":
        """Read a cursor; one that is not ours counts as none."""
        try:
            content = json.loads(cursor or "{}")
            return cls(dict(content["modified"]), str(content["requested"]))
        except (ValueError, KeyError, TypeError):
            return cls()

    def dump(self) -> str:
        """The cursor to keep."""
        return json.dumps({"modified": self.modified, "requested": self.requested})


def bigquery_changes(settings: Settings) -> SensorDefinition:
    """The sensor, on by default."""

    @sensor(
        name="bigquery_changes",
        job=coaching_sync,
        minimum_interval_seconds=settings.sensor_interval_seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description="Asks BigQuery, without a query, what changed; requests a sync of that and of what is made of it.",
    )
    def evaluate(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        return evaluate_changes(context, load_settings(), datetime.now(UTC))

    return evaluate


def evaluate_changes(context: SensorEvaluationContext, settings: Settings, now: datetime) -> SensorResult | SkipReason:
    """One tick. Where a server is away, it says so and leaves the cursor as it is."""
    from coaching_assets.bigquery.client import connect as connect_bigquery
    from coaching_assets.replica.changes import look

    try:
        with connect(settings, autocommit=True) as database, connect_bigquery(settings) as bigquery:
            changes = look(bigquery, database, settings)
    except (SettingError, CannotConnect, SourceError) as error:
        return SkipReason(str(error))
    seen = Seen.parse(context.cursor)
    observations = list(_observe(settings, changes.found.present, seen))
    key = _run_key(settings, changes.changed)
    reason = (
        _nothing_new(changes, seen, key)
        or unfinished_sync(context.instance)
        or _still_changing(changes, now, settings.sensor_quiet_seconds)
    )
    if reason:
        return SensorResult(skip_reason=reason, asset_events=observations, cursor=seen.dump())
    seen.requested = key
    assets = selection(settings, changes.changed)
    # only what the steps check of their own work: what is evaluated by the clock would cost queries
    checks = [check for check in step_checks(settings) if check.asset_key in assets]
    request = RunRequest(run_key=key, asset_selection=assets, asset_check_keys=checks, tags={"trigger": "changes"})
    return SensorResult(run_requests=[request], asset_events=observations, cursor=seen.dump())


def step_checks(settings: Settings) -> list[AssetCheckKey]:
    """The checks that a step yields with what it materializes."""
    replica = [check for table in TABLES for check in replica_checks(replica_key(settings, table))]
    published = [check for table in PUBLISHED for check in integrity_specs(table, published_key(table))]
    return [check.key for check in (*replica, *published)]


def selection(settings: Settings, tables: Iterable[SourceTable]) -> list[AssetKey]:
    """The replica tables of some source tables, and the published tables that they reach."""
    tables = list(tables)
    published = reached_from(table.view for table in tables)
    return [*(replica_key(settings, table) for table in tables), *(published_key(table) for table in published)]


def _observe(
    settings: Settings, present: Mapping[SourceTable, "TableDescription"], seen: Seen
) -> Iterable[AssetObservation]:
    """An observation for each table that changed since the last tick; they are noted as seen."""
    for table, found in present.items():
        modified = found.modified.isoformat() if found.modified else ""
        key = source_key(settings, table)
        name = "/".join(key.path)
        if seen.modified.get(name) == modified:
            continue
        seen.modified[name] = modified
        metadata: dict[str, int | str] = {"last_modified": modified}
        if found.row_count is not None:
            metadata["dagster/row_count"] = found.row_count
        if found.byte_count is not None:
            metadata["bytes"] = found.byte_count
        yield AssetObservation(asset_key=key, metadata=metadata)


def _run_key(settings: Settings, changed: Mapping[SourceTable, datetime | None]) -> str:
    """The same for the same changes: what one run did not bring is not asked for again and again."""
    lines = sorted(f"{settings.datasets[t.source]}.{t.name} {modified}" for t, modified in changed.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32] if lines else ""


def _nothing_new(changes: "Changes", seen: Seen, key: str) -> str | None:
    if not changes.changed:
        return "Nothing changed in BigQuery since it was loaded."
    if key == seen.requested:
        names = ", ".join(sorted(table.name for table in changes.changed))
        return f"A sync of what changed ({names}) was requested before; the hourly one tries again."
    return None


def _still_changing(changes: "Changes", now: datetime, quiet_seconds: int) -> str | None:
    times = [modified for modified in changes.changed.values() if modified is not None]
    if not times:
        return None
    quiet_for = (now - max(times)).total_seconds()
    waiting_for = (now - min(times)).total_seconds()
    if quiet_for >= quiet_seconds or waiting_for >= PATIENCE * quiet_seconds:
        return None
    return f"BigQuery changed {quiet_for:.0f} s ago; waiting until nothing changes for {quiet_seconds} s."
