"""The replica's tables as Dagster assets: one step a pipeline, through dagster-dlt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    Failure,
    MaterializeResult,
    TableColumn,
    TableSchema,
    TableSchemaMetadataValue,
    multi_asset,
)

from coaching_assets.bigquery.client import connect as connect_bigquery
from coaching_assets.catalogue import PIPELINES, PipelineName, SourceTable, tables_of
from coaching_assets.defs.dlt_resource import LazyDlt
from coaching_assets.defs.freshness_policy import seen_daily
from coaching_assets.defs.replica_metadata import count_metadata, described
from coaching_assets.defs.schema_check import schema_result, schema_spec, schema_unknown
from coaching_assets.defs.source_assets import source_key
from coaching_assets.postgres import errors as postgres_errors
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.postgres.errors import retried
from coaching_assets.replica import erasing, loading, modifications
from coaching_assets.replica.extraction import Extraction
from coaching_assets.replica.last_syncs import log_fields, note_sync
from coaching_assets.replica.schema_drift import schema_drift
from coaching_assets.replica.trace import LoadTrace
from coaching_assets.settings import Settings, load_settings
from coaching_assets.working_folder import working_folder

LOADED = "loaded"
"""The check that says whether the last sync could read the table."""

BEFORE_PUBLISHING = {"dagster/priority": "10"}
"""Of steps that could run, these run first: publishing then has to wait for nothing."""

COLUMN_SCHEMA = "dagster/column_schema"

Result = MaterializeResult[Any]


def replica_key(settings: Settings, table: SourceTable) -> AssetKey:
    """The asset key of a table of the replica: the configured dataset, then the table."""
    return AssetKey([settings.datasets[table.source], table.name])


def replica_spec(settings: Settings, table: SourceTable) -> AssetSpec:
    """The asset of a table of the replica."""
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
            "dagster/table_name": f"{settings.datasets[table.source]}.{table.name}",
            COLUMN_SCHEMA: TableSchema(columns),
        },
    )


def replica_assets(settings: Settings) -> list[AssetsDefinition]:
    """The assets of all pipelines; building them touches neither network nor credentials."""
    return [_pipeline_assets(settings, pipeline) for pipeline in PIPELINES]


def replica_checks(key: AssetKey) -> list[AssetCheckSpec]:
    """The checks that a step yields with a table of the replica."""
    loaded = AssetCheckSpec(LOADED, asset=key, description="The last sync could read the table from BigQuery.")
    return [loaded, schema_spec(key)]


def _pipeline_assets(settings: Settings, pipeline: PipelineName) -> AssetsDefinition:
    # the dlt source itself is made at run time, when it is known what stands at the source; making one takes a while
    specs = [replica_spec(settings, table) for table in tables_of(pipeline)]
    checks = [check for spec in specs for check in replica_checks(spec.key)]

    @multi_asset(
        name=pipeline, specs=specs, check_specs=checks, can_subset=True, pool=pipeline, op_tags=BEFORE_PUBLISHING
    )
    def assets(context: AssetExecutionContext, dlt: LazyDlt) -> Iterator[Result]:
        yield from Replication(context, dlt, load_settings(), pipeline).run()

    return assets


@dataclass(frozen=True)
class Done:
    """What a step did: tables left alone, and loaded, what dlt said of those, and what failed."""

    unmodified: frozenset[SourceTable]
    extractions: Mapping[SourceTable, Extraction]
    results: Sequence[Result]
    errors: Mapping[SourceTable, Exception]


class Replication:
    """One run of a pipeline's step."""

    def __init__(
        self, context: AssetExecutionContext, dlt: LazyDlt, settings: Settings, pipeline: PipelineName
    ) -> None:
        self.context = context
        self.dlt = dlt
        self.settings = settings
        self.pipeline = pipeline
        self.tables = {
            replica_key(settings, table): table
            for table in tables_of(pipeline)
            if replica_key(settings, table) in context.selected_asset_keys
        }
        self.schema = settings.datasets[next(iter(self.tables.values())).source]
        self.trace = LoadTrace()
        self.found = loading.Survey({}, (), {}, {})

    def run(self) -> Iterator[Result]:
        """Load the selected tables, and yield a result for each: loaded, not at the source, or failed.

        Every table yields a result, so that publishing goes on with what is there; the step fails afterwards where a
        table failed.
        """
        started = monotonic()
        try:
            done = retried(self.settings, self._replicate, self.context.log.warning)
            failures = {**self.found.failed, **{table: loading.explain(error) for table, error in done.errors.items()}}
            results = partial(self._results, done, failures, monotonic() - started)
            yield from retried(self.settings, results, self.context.log.warning)
        except Exception as error:
            if (sentence := postgres_errors.explain(error)) is None:
                raise
            raise Failure(description=sentence, allow_retries=False) from error
        if failures:
            names = ", ".join(f"{self.schema}.{table.name}" for table in failures)
            reasons = " ".join(dict.fromkeys(failures.values()))
            failure = Failure(description=f"Not loaded: {names}. {reasons}", allow_retries=False)
            raise failure from next(iter(done.errors.values()), None)

    def _replicate(self) -> Done:
        """Load what has changed; begun anew where the connection breaks, and the lock with it."""
        with (
            connect(self.settings, autocommit=True) as database,
            loading.one_at_a_time(database, self.pipeline, self.schema),
        ):
            loading.prepare_bookkeeping(database)
            bigquery = connect_bigquery(self.settings)
            self.found = loading.survey(bigquery, self.settings, list(self.tables.values()))
            present = self.found.present
            unmodified = modifications.unmodified(database, self.schema, present)
            modified = {table: present[table] for table in present if table not in unmodified}
            extractions = loading.extractions_for(bigquery, database, self.settings, modified)
            loading.prepare_staging(database, self.schema, extractions)
            results, errors = self._load(extractions) if extractions else ([], {})
            with database.cursor() as cursor:
                erasing.sweep(cursor, self.settings, extractions, self.trace.load_ids)
            loading.prune_loads(database, self.schema)
        return Done(unmodified, extractions, results, errors)

    def _results(self, done: Done, failures: Mapping[SourceTable, str], seconds: float) -> list[Result]:
        with connect(self.settings, autocommit=True) as database:
            return [
                *(self._loaded(result, database, done.extractions, seconds) for result in done.results),
                *(self._unmodified(table, database) for table in sorted(done.unmodified, key=lambda t: t.name)),
                *(self._absent(table, database) for table in self.found.absent),
                *(self._failed(table, reason, database) for table, reason in failures.items()),
            ]

    def _load(self, extractions: Mapping[SourceTable, Extraction]) -> tuple[list[Result], dict[SourceTable, Exception]]:
        with working_folder(self.pipeline) as folder, loading.opened(extractions.values()):
            from coaching_assets.replica.pipelines import pipeline_for

            pipeline = pipeline_for(self.pipeline, self.settings, folder)
            run = partial(self.dlt.run, self.context, self.settings, self.pipeline, pipeline)
            results, errors = loading.run_apart(run, extractions)
            self.trace = LoadTrace.of(pipeline) if results else LoadTrace()
            return results, errors

    def _loaded(
        self, result: Result, database: Connection, extractions: Mapping[SourceTable, Extraction], seconds: float
    ) -> Result:
        assert result.asset_key is not None
        table = self.tables[result.asset_key]
        metadata: dict[str, Any] = dict(result.metadata or {})
        counts = loading.load_counts(database, self.schema, table.name, self.trace.load_ids)
        read = extractions[table].result
        if counts is not None:
            metadata |= count_metadata(counts)
        metadata |= {"bytes_read": read.bytes if read else 0, "seconds": round(seconds, 3)}
        if isinstance(schema := metadata.get(COLUMN_SCHEMA), TableSchemaMetadataValue):
            metadata[COLUMN_SCHEMA] = described(schema.value, table)
        metadata["dlt_jobs"] = metadata.pop("jobs", [])
        metadata["dlt_seconds"] = dict(self.trace.seconds)
        as_of = modifications.modification_read(extractions[table])
        loading.note_source_table(database, self.schema, table.name, "loaded", modified=as_of)
        self.context.log.info(
            f"{self.schema}.{table.name}: {metadata.get('rows_read', 0)} rows read,"
            f" {metadata.get('rows_inserted', 0)} inserted, {metadata.get('rows_updated', 0)} updated",
            extra=log_fields(f"{self.schema}.{table.name}", metadata),
        )
        note_sync(database, f"{self.schema}.{table.name}", "loaded", metadata)
        return result._replace(metadata=metadata, check_results=self._passed(table, database))

    def _unmodified(self, table: SourceTable, database: Connection) -> Result:
        key = replica_key(self.settings, table)
        counts = loading.load_counts(database, self.schema, table.name, ())
        metadata = count_metadata(counts) if counts is not None else {}
        name = f"{self.schema}.{table.name}"
        self.context.log.info(f"{name}: not modified since it was last loaded", extra=log_fields(name, metadata))
        note_sync(database, name, "loaded", metadata)
        return MaterializeResult(
            asset_key=key,
            metadata=metadata | {"bytes_read": 0},
            check_results=self._passed(table, database),
        )

    def _passed(self, table: SourceTable, database: Connection) -> list[AssetCheckResult]:
        """The checks of a table that the replica reflects."""
        key, fields = replica_key(self.settings, table), self.found.present[table].fields
        loaded = AssetCheckResult(check_name=LOADED, asset_key=key, passed=True)
        return [loaded, schema_result(key, schema_drift(database, self.schema, table.name, fields))]

    def _absent(self, table: SourceTable, database: Connection) -> Result:
        sentence = f"{self.schema}.{table.name} is not at the source, so {table.without}."
        self.context.log.warning(f"{sentence} It is picked up by itself once Fivetran delivers it.")
        # nobody is alerted, day after day, of a table that this installation does without
        missed = table.required or loading.table_exists(database, self.schema, table.name)
        severity = AssetCheckSeverity.WARN if missed else None
        return self._without_rows(table, database, "not at the source", sentence, severity)

    def _failed(self, table: SourceTable, reason: str, database: Connection) -> Result:
        self.context.log.error(f"{self.schema}.{table.name} could not be loaded: {reason}")
        return self._without_rows(table, database, "failed", reason, AssetCheckSeverity.ERROR)

    def _without_rows(
        self, table: SourceTable, database: Connection, state: str, reason: str, severity: AssetCheckSeverity | None
    ) -> Result:
        missing = self.found.incomplete.get(table)
        note_sync(database, f"{self.schema}.{table.name}", state, {})
        loading.note_source_table(database, self.schema, table.name, state, reason, missing=missing)
        key = replica_key(self.settings, table)
        check = AssetCheckResult(
            check_name=LOADED,
            asset_key=key,
            passed=severity is None,
            severity=severity or AssetCheckSeverity.WARN,
            description=reason,
        )
        return MaterializeResult(
            asset_key=key,
            metadata={"state": state, "reason": reason, "rows_read": 0, "bytes_read": 0},
            check_results=[check, schema_unknown(key, reason, passed=table in self.found.absent)],
        )
