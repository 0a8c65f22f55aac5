"""The sensor `bigquery_changes`: finds changes by metadata alone and requests a sync of them within minutes."""

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

from coaching_assets.catalogue import TABLES, SourceTable
from coaching_assets.defs.jobs import SYNC_JOB, unfinished_sync
from coaching_assets.defs.keys import published_key, replica_key, source_key
from coaching_assets.defs.replica_assets import replica_checks
from coaching_assets.defs.resources import BigQueryResource, PostgresResource
from coaching_assets.defs.source_assets import observation
from coaching_assets.defs.table_checks import integrity_specs
from coaching_assets.errors import CoachingError
from coaching_assets.publish.tables import TABLES as PUBLISHED
from coaching_assets.publish.tables import reached_from
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.tables import TableDescription
    from coaching_assets.replica.changes import Changes

MAXIMUM_QUIET_PERIODS = 10
"""Quiet periods after which a source that changes all the time is synced anyway."""


@dataclass
class Seen:
    """The sensor's cursor: the modification times seen, the last request. Losing it costs at most one run."""

    modified: dict[str, str] = field(default_factory=dict)
    requested: str = ""
    settled: str = ""
    """State of BigQuery for which nothing is left to do, so that Postgres need not be asked."""

    @classmethod
    def parse(cls, cursor: str | None) -> "Seen":
        """Read a cursor; an unreadable one counts as empty."""
        try:
            content = json.loads(cursor or "{}")
            return cls(dict(content["modified"]), str(content["requested"]), str(content.get("settled", "")))
        except (ValueError, KeyError, TypeError):
            return cls()

    def dump(self) -> str:
        """The cursor for the next tick."""
        return json.dumps({"modified": self.modified, "requested": self.requested, "settled": self.settled})


def bigquery_changes(settings: Settings) -> SensorDefinition:
    """The sensor, on by default."""

    @sensor(
        name="bigquery_changes",
        job_name=SYNC_JOB,
        minimum_interval_seconds=settings.sensor_interval_seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description="Asks BigQuery for modification times, without a query, and requests a sync of the changes.",
    )
    def sense(
        context: SensorEvaluationContext, bigquery: BigQueryResource, postgres: PostgresResource
    ) -> SensorResult | SkipReason:
        return evaluate_changes(context, bigquery, postgres, datetime.now(UTC))

    return sense


def evaluate_changes(
    context: SensorEvaluationContext, bigquery: BigQueryResource, postgres: PostgresResource, now: datetime
) -> SensorResult | SkipReason:
    """Evaluate one tick. If a server is unreachable, it skips and keeps the cursor.

    Postgres is asked only if BigQuery changed since the last tick that left nothing to do: a database that suspends
    while nobody uses it stays suspended.
    """
    from coaching_assets.replica.budget import read_budget
    from coaching_assets.replica.changes import compare_with_replica, knowable_state, survey_all

    seen = Seen.parse(context.cursor)
    try:
        settings = postgres.settings.load()
        with bigquery.connect() as client:
            found = survey_all(client, settings)
        state = knowable_state(found, settings)
        changes, budget = None, None
        if state != seen.settled:
            with postgres.connect(autocommit=True) as database:
                changes = compare_with_replica(found, database, settings)
                budget = read_budget(database, settings, now)
    except CoachingError as error:
        return SkipReason(str(error))
    observations = list(_observe(settings, found.present, seen))
    if changes is None:
        reason: str | None = "Nothing changed in BigQuery since the last tick."
    else:
        running, nothing_new = unfinished_sync(context.instance), _nothing_new(settings, changes, seen)
        seen.settled = state if nothing_new and not running else ""
        too_expensive = budget.sentence if budget is not None and budget.is_hourly else None
        reason = nothing_new or running or too_expensive or _still_changing(changes, now, settings.sensor_quiet_seconds)
    if changes is None or reason:
        return SensorResult(skip_reason=reason, asset_events=observations, cursor=seen.dump())
    seen.requested = _run_key(settings, changes.changed)
    return SensorResult(
        run_requests=[_request(settings, changes, seen.requested)], asset_events=observations, cursor=seen.dump()
    )


def _request(settings: Settings, changes: "Changes", key: str) -> RunRequest:
    assets = selection(settings, changes.changed)
    # only the checks of the steps' own work: the checks that a schedule evaluates would cost queries
    checks = [check for check in step_checks(settings) if check.asset_key in assets]
    return RunRequest(run_key=key, asset_selection=assets, asset_check_keys=checks, tags={"trigger": "changes"})


def step_checks(settings: Settings) -> list[AssetCheckKey]:
    """The checks that steps yield with the tables that they materialize."""
    replica = [check for table in TABLES for check in replica_checks(replica_key(settings, table))]
    published = [check for table in PUBLISHED for check in integrity_specs(table, published_key(table))]
    return [check.key for check in (*replica, *published)]


def selection(settings: Settings, tables: Iterable[SourceTable]) -> list[AssetKey]:
    """The replica tables of some source tables, and the published tables that depend on them."""
    tables = list(tables)
    published = reached_from(table.view for table in tables)
    return [*(replica_key(settings, table) for table in tables), *(published_key(table) for table in published)]


def _observe(
    settings: Settings, present: Mapping[SourceTable, "TableDescription"], seen: Seen
) -> Iterable[AssetObservation]:
    """An observation per table that changed since the last tick.

    Its data version is the modification time: Dagster shows the tables downstream as unsynced only if that changed.
    """
    for table, found in present.items():
        modified = found.modified.isoformat() if found.modified else ""
        key = source_key(settings, table)
        name = "/".join(key.path)
        if seen.modified.get(name) == modified:
            continue
        seen.modified[name] = modified
        yield observation(settings, table, found)


def _run_key(settings: Settings, changed: Mapping[SourceTable, datetime | None]) -> str:
    """The same key for the same changes, so that a run that could not load them is not requested at every tick."""
    lines = sorted(f"{settings.datasets[t.source]}.{t.name} {modified}" for t, modified in changed.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32] if lines else ""


def _nothing_new(settings: Settings, changes: "Changes", seen: Seen) -> str | None:
    if not changes.changed:
        return "Nothing changed in BigQuery since the last load."
    if _run_key(settings, changes.changed) == seen.requested:
        names = ", ".join(sorted(table.name for table in changes.changed))
        return f"A sync of the changed tables ({names}) was requested before; the hourly sync retries."
    return None


def _still_changing(changes: "Changes", now: datetime, quiet_seconds: int) -> str | None:
    times = [modified for modified in changes.changed.values() if modified is not None]
    if not times:
        return None
    quiet_for = (now - max(times)).total_seconds()
    waiting_for = (now - min(times)).total_seconds()
    if quiet_for >= quiet_seconds or waiting_for >= MAXIMUM_QUIET_PERIODS * quiet_seconds:
        return None
    return f"BigQuery changed {quiet_for:.0f} s ago; waiting until nothing changes for {quiet_seconds} s."
