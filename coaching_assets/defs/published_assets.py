"""The published tables as Dagster assets: a step for opportunities, one for calls and their parts, one for e-mails."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    Failure,
    MaterializeResult,
    TableColumn,
    TableSchema,
    multi_asset,
)
from psycopg2 import Error

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.defs.freshness_policy import seen_daily
from coaching_assets.defs.replica_assets import replica_key
from coaching_assets.defs.table_checks import integrity_results, integrity_specs
from coaching_assets.postgres import errors as postgres_errors
from coaching_assets.postgres.connection import Connection, connect, use_schema
from coaching_assets.postgres.errors import CannotConnect, retried
from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.publisher import Publisher
from coaching_assets.publish.sync_status import write_failure
from coaching_assets.publish.tables import COLUMN_DESCRIPTIONS, GROUPS, Group, PublishedTable, TableName
from coaching_assets.replica.last_syncs import log_fields, note_sync
from coaching_assets.settings import Settings, load_settings

POOL = "coaching_publisher"

Result = MaterializeResult[Any]


def published_key(table: PublishedTable) -> AssetKey:
    """The asset key of a published table."""
    return AssetKey(["coaching", table.name])


def published_assets(settings: Settings) -> list[AssetsDefinition]:
    """The assets of the published tables; building them touches neither network nor credentials.

    Groups do not depend on one another, so that one that fails does not hold up the others: what waits for another
    table's row is published when that comes. Their priorities give the order in which nothing has to wait.
    """
    return [_group_assets(settings, group, len(GROUPS) - place) for place, group in enumerate(GROUPS)]


def _spec(settings: Settings, table: PublishedTable) -> AssetSpec:
    by_view = {source.view: source for source in SOURCE_TABLES}
    columns = [TableColumn(name, type_, description) for name, type_, description in COLUMN_DESCRIPTIONS[table.name]]
    return AssetSpec(
        key=published_key(table),
        deps=[replica_key(settings, by_view[view]) for view in table.sources],
        description=f"{table.description} The application's own table; only the columns listed here are written.",
        group_name="coaching",
        owners=["team:data"],
        freshness_policy=seen_daily(settings),
        kinds={"postgres", "sql"},
        metadata={
            "dagster/table_name": f"{settings.coaching_schema}.{table.name}",
            "dagster/column_schema": TableSchema(columns),
        },
    )


def _group_assets(settings: Settings, group: Group, priority: int) -> AssetsDefinition:
    @multi_asset(
        name=f"publish_{group.name}",
        specs=[_spec(settings, table) for table in group.tables],
        check_specs=[spec for table in group.tables for spec in integrity_specs(table, published_key(table))],
        can_subset=True,
        pool=POOL,
        op_tags={"dagster/priority": str(priority)},
    )
    def assets(context: AssetExecutionContext) -> Iterator[Result]:
        yield from _publish(context, load_settings(), group)

    return assets


def _publish(context: AssetExecutionContext, settings: Settings, group: Group) -> Iterator[Result]:
    selected = [table for table in group.tables if published_key(table) in context.selected_asset_keys]
    started = monotonic()

    def progress(done: int, due: int) -> None:
        rate = done / max(monotonic() - started, 1e-9)
        context.log.info(f"{done} of {due} {group.aggregates} published, {rate:.0f} a second, {due - done} remaining")

    def attempt() -> tuple[dict[TableName, Outcome], dict[PublishedTable, str]]:
        with connect(settings) as database, Publisher(database, settings).session() as publisher:
            stopped = {table: reason for table in selected if (reason := publisher.stopped(table))}
            _note_failures(database, settings, stopped)
            rest = [table for table in selected if table not in stopped]
            outcomes = publisher.publish(group, rest, progress) if rest else {}
            for table in rest:
                figures = _metadata(outcomes[table.name], round(monotonic() - started, 3))
                note_sync(database, f"{settings.coaching_schema}.{table.name}", "loaded", figures)
            database.commit()
            return outcomes, stopped

    try:
        outcomes, stopped = retried(settings, attempt, context.log.warning)
    except Exception as error:
        sentence = postgres_errors.explain(error)
        _note_failure(settings, selected, sentence or f"{type(error).__name__}: {str(error).splitlines()[0]}")
        if sentence is None:
            raise
        raise Failure(description=sentence, allow_retries=False) from error
    for table in (table for table in selected if table not in stopped):
        outcome = outcomes[table.name]
        yield _result(context, settings, table, outcome, _metadata(outcome, round(monotonic() - started, 3)))
    if stopped:
        names = ", ".join(table.name for table in stopped)
        reasons = " ".join(dict.fromkeys(stopped.values()))
        raise Failure(description=f"Not published: {names}. {reasons}", allow_retries=False)


def _result(
    context: AssetExecutionContext,
    settings: Settings,
    table: PublishedTable,
    outcome: Outcome,
    metadata: dict[str, Any],
) -> Result:
    key, name = published_key(table), f"{settings.coaching_schema}.{table.name}"
    context.log.info(
        f"{name}: {outcome.inserted} inserted, {outcome.updated} updated,"
        f" {outcome.unchanged} unchanged, {outcome.deleted} deleted, {outcome.rejected} rejected",
        extra=log_fields(name, metadata),
    )
    checks = list(integrity_results(table, key, outcome, settings.rejected_rows_error))
    return MaterializeResult(asset_key=key, metadata=metadata, check_results=checks)


def _note_failures(database: Connection, settings: Settings, reasons: Mapping[PublishedTable, str]) -> None:
    for table, reason in reasons.items():
        write_failure(database, table, reason)
        note_sync(database, f"{settings.coaching_schema}.{table.name}", "failed", {})
    database.commit()


def _note_failure(settings: Settings, tables: Iterable[PublishedTable], sentence: str) -> None:
    """Note that publishing failed, if Postgres lets us."""
    with suppress(CannotConnect, Error), connect(settings) as database:
        use_schema(database, settings.coaching_schema)
        _note_failures(database, settings, dict.fromkeys(tables, sentence))


def _metadata(outcome: Outcome, seconds: float) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": outcome.row_count.rows,
        "row_count_is_estimate": outcome.row_count.is_estimate,
        "rows_inserted": outcome.inserted,
        "rows_updated": outcome.updated,
        "rows_unchanged": outcome.unchanged,
        "rows_deleted": outcome.deleted,
        "rows_kept": outcome.kept,
        "rows_rejected": outcome.rejected,
        "rows_waiting": outcome.waiting,
        "seconds": seconds,
    }
    if outcome.newest_source_time is not None:
        lag = (datetime.now(UTC) - outcome.newest_source_time).total_seconds()
        metadata |= {"newest_source_time": outcome.newest_source_time.isoformat(), "source_lag_seconds": round(lag, 1)}
    return metadata
