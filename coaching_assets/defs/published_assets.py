"""The published tables as assets: one step per group of tables that are computed together."""

from collections.abc import Iterator
from time import monotonic
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    Failure,
    MaterializeResult,
    TableColumn,
    TableSchema,
    multi_asset,
)

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.defs.code_references import PACKAGE, code_references
from coaching_assets.defs.failures import as_failure
from coaching_assets.defs.freshness_policy import seen_daily
from coaching_assets.defs.keys import published_key, replica_key
from coaching_assets.defs.replica_metadata import lag_metadata, log_fields
from coaching_assets.defs.resources import PostgresResource
from coaching_assets.defs.table_checks import integrity_results, integrity_specs
from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.tables import GROUPS
from coaching_assets.settings import Settings

POOL = "coaching_publisher"
"""One step at a time publishes, whatever the run."""

Result = MaterializeResult[Any]


def published_assets(settings: Settings) -> list[AssetsDefinition]:
    """One multi-asset per group, built without touching network or credentials.

    Groups do not depend on one another: one that fails does not hold up the others, and a row that waits for another
    group's row is published when that arrives. Their priorities are the order in which nothing has to wait.
    """
    return [_group_assets(settings, group, len(GROUPS) - place) for place, group in enumerate(GROUPS)]


def _spec(settings: Settings, table: PublishedTable) -> AssetSpec:
    by_view = {source.view: source for source in SOURCE_TABLES}
    columns = [TableColumn(column.name, column.type, column.description) for column in table.columns]
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
            **code_references(sorted((PACKAGE / "publish" / "tables" / table.name).glob("*.sql"))),
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
    def assets(context: AssetExecutionContext, postgres: PostgresResource) -> Iterator[Result]:
        yield from _materialize(context, postgres, group)

    return assets


def _materialize(context: AssetExecutionContext, postgres: PostgresResource, group: Group) -> Iterator[Result]:
    """Publish the selected tables and yield a result for each; the step fails when a table was not published."""
    from coaching_assets.publish.sync import publish_group

    selected = [table for table in group.tables if published_key(table) in context.selected_asset_keys]
    started = monotonic()

    def progress(done: int, pending: int) -> None:
        rate = done / max(monotonic() - started, 1e-9)
        context.log.info(
            f"{done} of {pending} {group.facts.plural} published, {rate:.0f} per second, {pending - done} remaining"
        )

    with as_failure():
        settings = postgres.settings.load()
        result = publish_group(settings, group, selected, progress=progress, warn=context.log.warning)
    for table, outcome in result.outcomes.items():
        yield _result(context, settings, table, outcome, result.seconds)
    if result.stopped:
        names = ", ".join(table.name for table in result.stopped)
        reasons = " ".join(dict.fromkeys(result.stopped.values()))
        raise Failure(description=f"Not published: {names}. {reasons}", allow_retries=False)


def _result(
    context: AssetExecutionContext, settings: Settings, table: PublishedTable, outcome: Outcome, seconds: float
) -> Result:
    key, name = published_key(table), f"{settings.coaching_schema}.{table.name}"
    metadata = _metadata(outcome, seconds)
    context.log.info(
        f"{name}: {outcome.inserted} inserted, {outcome.updated} updated,"
        f" {outcome.unchanged} unchanged, {_deleted(outcome)}, {outcome.rejected} rejected"
        + (f"; another transaction kept rows of {outcome.locked} {table.aggregate} locked" if outcome.locked else ""),
        extra=log_fields(name, metadata),
    )
    checks = list(integrity_results(table, key, outcome, settings.rejected_rows_error))
    return MaterializeResult(asset_key=key, metadata=metadata, check_results=checks)


def _deleted(outcome: Outcome) -> str:
    """Return the number of deleted rows with the reasons: `3 deleted (2 deleted at the source, 1 superseded)`."""
    reasons = ", ".join(f"{rows} {reason}" for reason, rows in sorted(outcome.reasons.items()))
    return f"{outcome.deleted} deleted ({reasons})" if reasons else "0 deleted"


def _metadata(outcome: Outcome, seconds: float) -> dict[str, Any]:
    from coaching_assets.publish.sync import figures

    return {
        "dagster/row_count": outcome.row_count.rows,
        "row_count_is_estimate": outcome.row_count.is_estimate,
        **figures(outcome, seconds),
        **lag_metadata(outcome.newest_source_time),
    }
