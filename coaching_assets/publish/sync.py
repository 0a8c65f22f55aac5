"""Publish a group of tables, record the result for each, and keep a failure visible in `sync_status`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from psycopg2 import Error

from coaching_assets.errors import CoachingError
from coaching_assets.postgres import errors as postgres_errors
from coaching_assets.postgres.connection import Connection, connect, use_schema
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.postgres.retries import retried
from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.publisher import Progress, Publisher
from coaching_assets.publish.sync_status import write_failure
from coaching_assets.replica.last_syncs import record_sync
from coaching_assets.settings import Settings


class PublishFailed(CoachingError):
    """Postgres rejected a statement while a group was published."""


@dataclass(frozen=True)
class GroupSync:
    """The results of publishing a group.

    `stopped` maps each table that was not published to the reason: a source table lacks a required column.
    """

    outcomes: Mapping[PublishedTable, Outcome]
    stopped: Mapping[PublishedTable, str]
    seconds: float


def publish_group(
    settings: Settings,
    group: Group,
    tables: Sequence[PublishedTable],
    *,
    progress: Progress | None = None,
    warn: Callable[[str], object] = lambda sentence: None,
) -> GroupSync:
    """Bring tables of a group up to date with the replica.

    Args:
        settings: addresses and datasets.
        group: the tables that are computed together.
        tables: the tables of the group to write; at least one.
        progress: is called after each batch with the aggregates done and the aggregates pending.
        warn: is called with a sentence before each retry.

    Raises:
        PublishFailed: Postgres rejected a statement for a known reason; `sync_status` shows it too.
    """
    started = monotonic()

    def attempt() -> GroupSync:
        with connect(settings) as database, Publisher(database, settings).session() as publisher:
            stopped = {table: reason for table in tables if (reason := publisher.stopped(table))}
            _record_failures(database, settings, stopped)
            rest = [table for table in tables if table not in stopped]
            by_name = publisher.publish(group, rest, progress) if rest else {}
            outcomes = {table: by_name[table.name] for table in rest}
            seconds = round(monotonic() - started, 3)
            for table, outcome in outcomes.items():
                record_sync(database, qualified_name(settings, table), "loaded", figures(outcome, seconds))
            database.commit()
            return GroupSync(outcomes, stopped, seconds)

    try:
        return retried(settings, attempt, warn)
    except Exception as error:
        sentence = str(error) if isinstance(error, CoachingError) else postgres_errors.explain(error)
        _record_failure(settings, tables, sentence or f"{type(error).__name__}: {str(error).splitlines()[0]}")
        if sentence is None or isinstance(error, CoachingError):
            raise
        raise PublishFailed(sentence) from error


def qualified_name(settings: Settings, table: PublishedTable) -> str:
    """`schema.table`."""
    return f"{settings.coaching_schema}.{table.name}"


def figures(outcome: Outcome, seconds: float) -> dict[str, Any]:
    """A table's figures under the names that metadata, metrics and logs share."""
    named: dict[str, Any] = {
        "rows_inserted": outcome.inserted,
        "rows_updated": outcome.updated,
        "rows_unchanged": outcome.unchanged,
        "rows_deleted": outcome.deleted,
        **{f"rows_deleted_{reason.replace(' ', '_')}": rows for reason, rows in sorted(outcome.reasons.items())},
        "rows_kept": outcome.kept,
        "rows_rejected": outcome.rejected,
        "rows_waiting": outcome.waiting,
        "aggregates_locked": outcome.locked,
        "seconds": seconds,
    }
    if outcome.newest_source_time is not None:
        named["newest_source_time"] = outcome.newest_source_time.isoformat()
    return named


def _record_failures(database: Connection, settings: Settings, reasons: Mapping[PublishedTable, str]) -> None:
    for table, reason in reasons.items():
        write_failure(database, table, reason)
        record_sync(database, qualified_name(settings, table), "failed", {})
    database.commit()


def _record_failure(settings: Settings, tables: Iterable[PublishedTable], sentence: str) -> None:
    """Record that publishing failed, if Postgres still answers and the schema is not a newer program's."""
    with suppress(CoachingError, Error), connect(settings) as database:
        ensure_schema(database)
        use_schema(database, settings.coaching_schema)
        _record_failures(database, settings, dict.fromkeys(tables, sentence))
