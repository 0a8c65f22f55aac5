"""Sync the tables of one pipeline: load what BigQuery changed, and report what happened to each table."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from coaching_assets.bigquery.cost import Usage
from coaching_assets.catalogue import PipelineName, SourceTable
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.postgres.retries import retried
from coaching_assets.postgres.tables import table_exists
from coaching_assets.replica import erasing, modifications, ownership
from coaching_assets.replica.budget import read_budget
from coaching_assets.replica.dlt_tables import identify_rows, prepare_staging, prune_loads
from coaching_assets.replica.extraction import Extraction
from coaching_assets.replica.extractions import extractions_for, opened
from coaching_assets.replica.failures import explain, run_together
from coaching_assets.replica.last_syncs import record_sync
from coaching_assets.replica.postponed import forget_windows, postponed_windows
from coaching_assets.replica.rejected_ranges import rejected_ranges
from coaching_assets.replica.replaced_tables import described_again
from coaching_assets.replica.schema_drift import SchemaDrift, schema_drift
from coaching_assets.replica.schema_lock import LoadLock, prepare_database, schema_lock
from coaching_assets.replica.source_states import LoadCounts, load_counts, record_source_table
from coaching_assets.replica.survey import Survey, survey_source
from coaching_assets.replica.trace import LoadTrace
from coaching_assets.replica.usage import prune_usage, record_usage
from coaching_assets.settings import Settings
from coaching_assets.working_folder import working_folder

if TYPE_CHECKING:
    from dlt.extract.source import DltSource
    from dlt.pipeline.pipeline import Pipeline

    from coaching_assets.bigquery.client import BigQuery

State = Literal["loaded", "unmodified", "not at the source", "failed"]

RunPipeline = Callable[["Pipeline", "DltSource"], Iterable[object]]
"""Runs a dlt pipeline over a source."""


def run_pipeline(pipeline: "Pipeline", source: "DltSource") -> Iterator[object]:
    """Run the pipeline with dlt alone, without Dagster."""
    yield pipeline.run(source)


@dataclass(frozen=True)
class TableSync:
    """The result for one table.

    `counts` is None for a table that is not in the replica. `reason` is empty for a table that was loaded or has not
    changed. `expected` says whether a table that is not at the source should be there: it is required, or was loaded
    before. `usage` is None for a table that was not read.
    """

    table: SourceTable
    name: str
    state: State
    counts: LoadCounts | None = None
    usage: Usage | None = None
    drift: SchemaDrift = field(default_factory=SchemaDrift)
    reason: str = ""
    expected: bool = False
    version: str = ""
    """Changes when the table's content in the replica may have changed."""


@dataclass(frozen=True)
class PipelineSync:
    """The results for all tables of a pipeline, the seconds that it took, and the first error."""

    tables: tuple[TableSync, ...]
    seconds: float
    trace: LoadTrace = field(default_factory=LoadTrace)
    cause: Exception | None = None

    @property
    def failed(self) -> tuple[TableSync, ...]:
        """The tables that could not be loaded."""
        return tuple(table for table in self.tables if table.state == "failed")


@dataclass(frozen=True)
class _Loaded:
    """What one attempt did, before it is recorded."""

    unmodified: frozenset[SourceTable] = frozenset()
    extractions: Mapping[SourceTable, Extraction] = field(default_factory=dict)
    errors: Mapping[SourceTable, Exception] = field(default_factory=dict)
    trace: LoadTrace = field(default_factory=LoadTrace)


class ReplicaSync:
    """One sync of some tables of a pipeline."""

    def __init__(
        self,
        settings: Settings,
        pipeline: PipelineName,
        tables: Sequence[SourceTable],
        bigquery: "BigQuery",
        *,
        run: RunPipeline = run_pipeline,
        warn: Callable[[str], object] = lambda sentence: None,
    ) -> None:
        """Prepare the sync; nothing is sent before `sync`.

        Args:
            settings: addresses, datasets and schemas.
            pipeline: the pipeline that all the tables belong to.
            tables: at least one.
            bigquery: the source.
            run: runs the dlt pipeline; dagster-dlt takes this place in a Dagster step.
            warn: is called with a sentence before each retry.
        """
        self.settings = settings
        self.pipeline = pipeline
        self.tables = tuple(tables)
        self.schema = settings.schemas[self.tables[0].source]
        self._bigquery = bigquery
        self._run = run
        self._warn = warn
        self._survey = Survey({}, (), {}, {})
        self._refused: Mapping[SourceTable, str] = {}

    def sync(self) -> PipelineSync:
        """Load the tables that changed and record a result for every table.

        A table that fails does not keep the others from being loaded.

        Raises:
            CannotConnect: Postgres refuses or does not answer.
            psycopg2.Error: Postgres failed in a way that concerns every table.
        """
        started = monotonic()
        loaded = retried(self.settings, self._load_changed, self._warn)
        seconds = round(monotonic() - started, 3)
        tables = retried(self.settings, partial(self._record, loaded, seconds), self._warn)
        return PipelineSync(tables, seconds, loaded.trace, next(iter(loaded.errors.values()), None))

    def _load_changed(self) -> _Loaded:
        """Load under the schema's lock; a broken connection loses the lock, so a retry starts from the survey."""
        with (
            connect(self.settings, autocommit=True) as database,
            schema_lock(database, self.schema) as lock,
        ):
            prepare_database(database)
            self._bigquery.meter.listen(partial(record_usage, database))
            owned = ownership.inspect(database, self.schema, self.tables)
            ownership.record(database, owned.unrecorded)
            tables = [table for table in self.tables if table not in owned.refused]
            self._refused = owned.refused
            self._survey = survey_source(self._bigquery, self.settings, tables, to_read=True)
            if not tables:
                return _Loaded()
            present = self._survey.present
            unmodified, essential_only = self._unmodified(database)
            modified = {table: present[table] for table in present if table not in unmodified}
            read = partial(extractions_for, self._bigquery, database, self.settings, essential_only=essential_only)
            extractions = read(modified)
            if extractions:
                ownership.announce_load(database, self.schema, extractions)
                identify_rows(database, self.schema, tables)
            prepare_staging(database, self.schema, extractions)
            errors, trace = self._load(extractions, lock) if extractions else ({}, LoadTrace())
            if again := described_again(self._bigquery, self.settings, extractions, errors, self._warn):
                self._survey = replace(self._survey, present={**present, **again})
                second = read(again)
                later, trace = self._load_again(database, second, lock, trace)
                errors = {table: error for table, error in errors.items() if table not in again} | later
                extractions |= second
            if extractions:
                identify_rows(database, self.schema, tables)
                ownership.record_load(database, self.schema, extractions)
                if not essential_only:
                    forget_windows(database, self.schema, [t.name for t in extractions if t not in errors])
            with database.cursor() as cursor:
                erasing.sweep(cursor, self.settings, extractions, trace.load_ids)
            prune_loads(database, self.schema)
            prune_usage(database)
        return _Loaded(unmodified, extractions, errors, trace)

    def _unmodified(self, database: Connection) -> tuple[frozenset[SourceTable], bool]:
        """The tables that need not be read, and whether only new rows of the others are read.

        A table with a postponed window, or with rejected rows to read again, is read although BigQuery has not modified
        it, once the daily limit allows it.
        """
        budget = read_budget(database, self.settings)
        unmodified = modifications.unmodified(database, self.schema, self._survey.present)
        if not budget.is_essential_only:
            postponed = postponed_windows(database, self.schema)
            rejected = {t for t in unmodified if rejected_ranges(database, self.schema, t.name) is not None}
            unmodified -= {table for table in unmodified if table.name in postponed} | rejected
        if budget.sentence and unmodified != self._survey.present.keys():
            self._warn(budget.sentence)
        return unmodified, budget.is_essential_only

    def _load(
        self, extractions: Mapping[SourceTable, Extraction], lock: LoadLock
    ) -> tuple[dict[SourceTable, Exception], LoadTrace]:
        with working_folder(self.pipeline) as folder, opened(extractions.values()):
            from coaching_assets.replica.pipelines import pipeline_for, source_for

            pipeline = pipeline_for(self.pipeline, self.settings, folder, lock, self._warn)
            source = source_for(pipeline, extractions)
            results, errors = run_together(lambda: self._run(pipeline, source), extractions, pipeline.failed)
            return errors, LoadTrace.of(pipeline) if results else LoadTrace()

    def _load_again(
        self, database: Connection, extractions: Mapping[SourceTable, Extraction], lock: LoadLock, before: LoadTrace
    ) -> tuple[dict[SourceTable, Exception], LoadTrace]:
        prepare_staging(database, self.schema, extractions)
        errors, trace = self._load(extractions, lock)
        return errors, before.followed_by(trace)

    def _record(self, loaded: _Loaded, seconds: float) -> tuple[TableSync, ...]:
        survey = self._survey
        failed = {**self._refused, **survey.failed, **{table: explain(error) for table, error in loaded.errors.items()}}
        with connect(self.settings, autocommit=True) as database:
            self._bigquery.meter.listen(None)
            record_usage(database, self._bigquery.meter)
            return (
                *(self._record_loaded(t, database, loaded, seconds) for t in loaded.extractions if t not in failed),
                *(self._record_unmodified(t, database) for t in sorted(loaded.unmodified, key=lambda t: t.name)),
                *(self._record_absent(table, database) for table in survey.absent),
                *(self._record_failed(table, reason, database) for table, reason in failed.items()),
            )

    def _record_loaded(self, table: SourceTable, database: Connection, loaded: _Loaded, seconds: float) -> TableSync:
        extraction = loaded.extractions[table]
        counts = load_counts(database, self.schema, table.name, loaded.trace.load_ids)
        modified = modifications.modification_read(extraction)
        record_source_table(database, self.schema, table.name, "loaded", modified=modified)
        record_sync(database, self._name(table), "loaded", figures(counts, seconds))
        return TableSync(
            table,
            self._name(table),
            "loaded",
            counts,
            usage=self._bigquery.meter.total(extraction.description.dataset, table.name),
            drift=self._drift(table, database),
            version=modified.isoformat() if modified else " ".join(loaded.trace.load_ids),
        )

    def _record_unmodified(self, table: SourceTable, database: Connection) -> TableSync:
        counts = load_counts(database, self.schema, table.name, ())
        record_sync(database, self._name(table), "loaded", figures(counts))
        modified = self._survey.present[table].modified
        version = modified.isoformat() if modified else ""
        drift = self._drift(table, database)
        return TableSync(table, self._name(table), "unmodified", counts, drift=drift, version=version)

    def _record_absent(self, table: SourceTable, database: Connection) -> TableSync:
        name = f"{self.settings.datasets[table.source]}.{table.name}"
        reason = f"{name} is not at the source, so {table.without}."
        expected = table.required or table_exists(database, self.schema, table.name)
        self._record_state(table, database, "not at the source", reason)
        return TableSync(table, self._name(table), "not at the source", reason=reason, expected=expected)

    def _record_failed(self, table: SourceTable, reason: str, database: Connection) -> TableSync:
        self._record_state(table, database, "failed", reason)
        return TableSync(table, self._name(table), "failed", reason=reason, expected=True)

    def _record_state(self, table: SourceTable, database: Connection, state: State, reason: str) -> None:
        missing = self._survey.incomplete.get(table)
        record_sync(database, self._name(table), state, {})
        record_source_table(database, self.schema, table.name, state, reason, missing=missing)

    def _drift(self, table: SourceTable, database: Connection) -> SchemaDrift:
        seen = self._survey.present[table]
        return schema_drift(database, self.schema, table.name, seen.fields, seen.denied)

    def _name(self, table: SourceTable) -> str:
        return f"{self.schema}.{table.name}"


def figures(counts: LoadCounts | None, seconds: float | None = None) -> dict[str, Any]:
    """A table's figures under the names that metadata, metrics and logs share."""
    if counts is None:
        return {}
    named: dict[str, Any] = {
        "rows_read": counts.rows_read,
        "rows_inserted": counts.rows_inserted,
        "rows_updated": counts.rows_updated,
        "rows_unchanged": counts.rows_unchanged,
        "rows_rejected": counts.rows_rejected,
    }
    if seconds is not None:
        named["seconds"] = seconds
    if counts.newest_source_time is not None:
        named["newest_source_time"] = counts.newest_source_time.isoformat()
    return named
