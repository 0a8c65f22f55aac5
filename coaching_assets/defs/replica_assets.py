"""The replica's tables as assets: one step per pipeline, materialized by dagster-dlt."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    DataVersion,
    Failure,
    MaterializeResult,
    TableColumn,
    TableSchema,
    multi_asset,
)

from coaching_assets.catalogue import PIPELINES, PipelineName, SourceTable, tables_of
from coaching_assets.defs.code_references import PACKAGE, code_references
from coaching_assets.defs.failures import as_failure
from coaching_assets.defs.freshness_policy import seen_daily
from coaching_assets.defs.keys import replica_key, source_key
from coaching_assets.defs.replica_metadata import COLUMN_SCHEMA, log_fields, table_metadata
from coaching_assets.defs.resources import BigQueryResource, DltResource, PostgresResource
from coaching_assets.defs.schema_check import schema_result, schema_spec, schema_unknown
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from dlt.extract.source import DltSource
    from dlt.pipeline.pipeline import Pipeline

    from coaching_assets.replica.sync import PipelineSync, TableSync

LOADED = "loaded"
"""The check that passes when the last sync could read the table."""

BEFORE_PUBLISHING = {"dagster/priority": "10"}
"""The executor runs these steps first, so that publishing finds everything that it refers to."""

Result = MaterializeResult[Any]


def replica_assets(settings: Settings) -> list[AssetsDefinition]:
    """One multi-asset per pipeline, built without touching network or credentials."""
    return [_pipeline_assets(settings, pipeline) for pipeline in PIPELINES]


def replica_spec(settings: Settings, table: SourceTable) -> AssetSpec:
    """The asset of a replica table."""
    columns = [TableColumn(c.name, c.type, table.describe_column(c.name)) for c in table.columns]
    return AssetSpec(
        key=replica_key(settings, table),
        deps=[source_key(settings, table)],
        description=f"{table.description} A replica of the BigQuery table, soft-deleted rows included.",
        group_name=f"replica_{table.pipeline}",
        owners=["team:data"],
        freshness_policy=seen_daily(settings),
        kinds={"dlt", "postgres"},
        metadata={
            "dagster/table_name": f"{settings.schemas[table.source]}.{table.name}",
            COLUMN_SCHEMA: TableSchema(columns),
            **code_references([PACKAGE / "catalogue" / f"{table.source}.py", PACKAGE / "replica" / "sync.py"]),
        },
    )


def replica_checks(key: AssetKey) -> list[AssetCheckSpec]:
    """The checks that a step yields with a replica table."""
    loaded = AssetCheckSpec(LOADED, asset=key, description="The last sync could read the table from BigQuery.")
    return [loaded, schema_spec(key)]


def _pipeline_assets(settings: Settings, pipeline: PipelineName) -> AssetsDefinition:
    # `@dlt_assets` wants the dlt source at definition time. This one depends on what is at BigQuery when the step runs,
    # and importing dlt would double the time that the code location takes to load.
    by_key = {replica_key(settings, table): table for table in tables_of(pipeline)}
    specs = [replica_spec(settings, table) for table in by_key.values()]
    checks = [check for spec in specs for check in replica_checks(spec.key)]

    @multi_asset(
        name=pipeline, specs=specs, check_specs=checks, can_subset=True, pool=pipeline, op_tags=BEFORE_PUBLISHING
    )
    def assets(
        context: AssetExecutionContext, bigquery: BigQueryResource, postgres: PostgresResource, dlt: DltResource
    ) -> Iterator[Result]:
        selected = {key: table for key, table in by_key.items() if key in context.selected_asset_keys}
        yield from _materialize(context, bigquery, postgres, dlt, pipeline, selected)

    return assets


def _materialize(
    context: AssetExecutionContext,
    bigquery: BigQueryResource,
    postgres: PostgresResource,
    dlt: DltResource,
    pipeline: PipelineName,
    tables: Mapping[AssetKey, SourceTable],
) -> Iterator[Result]:
    """Sync the selected tables and yield a result for each.

    A table that fails yields a result too, so that publishing goes on with the others; then the step fails.
    """
    from coaching_assets.replica.sync import ReplicaSync

    from_dlt: dict[AssetKey | None, Mapping[str, Any]] = {}

    with as_failure():
        settings = postgres.settings.load()

        def run(dlt_pipeline: "Pipeline", source: "DltSource") -> Iterable[Result]:
            by_name = {table.name: table for table in tables.values()}
            results = list(dlt.run(context, settings, by_name, dlt_pipeline, source))
            from_dlt.update({result.asset_key: result.metadata or {} for result in results})
            return results

        with bigquery.connect() as client:
            client.meter.run = context.run_id
            sync = ReplicaSync(settings, pipeline, list(tables.values()), client, run=run, warn=context.log.warning)
            result = sync.sync()
    keys = {table: key for key, table in tables.items()}
    for table in result.tables:
        yield _result(context, keys[table.table], result, table, from_dlt.get(keys[table.table], {}))
    if result.failed:
        names = ", ".join(table.name for table in result.failed)
        reasons = " ".join(dict.fromkeys(table.reason for table in result.failed))
        raise Failure(description=f"Not loaded: {names}. {reasons}", allow_retries=False) from result.cause


def _result(
    context: AssetExecutionContext,
    key: AssetKey,
    result: "PipelineSync",
    table: "TableSync",
    from_dlt: Mapping[str, Any],
) -> Result:
    metadata = table_metadata(result, table, from_dlt if table.state == "loaded" else {})
    _log(context, table, metadata)
    version = DataVersion(table.version) if table.version else None
    return MaterializeResult(
        asset_key=key, metadata=metadata, check_results=_check_results(key, table), data_version=version
    )


def rejected_sentence(name: str, rows: int) -> str:
    """Say that a replica table lacks rows, and where to find them."""
    return (
        f"The replica lacks {rows} rows, or their newest version, because Postgres rejects them."
        f" `coaching rejected --table {name}` lists them with the reasons. Repair them at the source."
    )


def _check_results(key: AssetKey, table: "TableSync") -> list[AssetCheckResult]:
    if table.state in {"loaded", "unmodified"}:
        rejected = table.counts.rows_rejected if table.counts is not None else 0
        complete = AssetCheckResult(
            check_name=LOADED,
            asset_key=key,
            passed=not rejected,
            severity=AssetCheckSeverity.WARN,
            description=rejected_sentence(table.name, rejected) if rejected else None,
        )
        return [complete, schema_result(key, table.drift)]
    is_absent = table.state == "not at the source"
    # an installation may do without an optional table; alerting it every day would be noise
    passed = is_absent and not table.expected
    loaded = AssetCheckResult(
        check_name=LOADED,
        asset_key=key,
        passed=passed,
        severity=AssetCheckSeverity.WARN if is_absent else AssetCheckSeverity.ERROR,
        description=table.reason,
    )
    return [loaded, schema_unknown(key, table.reason, passed=is_absent)]


def _log(context: AssetExecutionContext, table: "TableSync", metadata: Mapping[str, Any]) -> None:
    fields = log_fields(table.name, metadata)
    if table.state == "failed":
        context.log.error(f"{table.name} could not be loaded: {table.reason}")
    elif table.state == "not at the source":
        context.log.warning(f"{table.reason} The next sync loads it as soon as Fivetran delivers it.")
    elif table.state == "unmodified":
        context.log.info(f"{table.name}: not modified since it was last loaded", extra=fields)
    else:
        read, inserted, updated = (metadata.get(f"rows_{what}", 0) for what in ("read", "inserted", "updated"))
        context.log.info(f"{table.name}: {read} rows read, {inserted} inserted, {updated} updated", extra=fields)
