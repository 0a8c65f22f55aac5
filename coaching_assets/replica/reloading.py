"""Loads tables outside Dagster's steps: all rows again to repair the replica, or into the schemas of a dry run."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import PIPELINES, PipelineName, SourceTable
from coaching_assets.postgres.connection import connect
from coaching_assets.replica import erasing, ownership
from coaching_assets.replica.dlt_tables import prepare_staging
from coaching_assets.replica.errors import NotLoaded
from coaching_assets.replica.extraction import Range
from coaching_assets.replica.extractions import extractions_for
from coaching_assets.replica.failures import explain, run_together
from coaching_assets.replica.schema_lock import LoadLock, prepare_database, schema_lock
from coaching_assets.replica.usage import record_usage
from coaching_assets.settings import Settings
from coaching_assets.working_folder import working_folder

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery


def reload(
    bigquery: "BigQuery",
    settings: Settings,
    tables: Mapping[SourceTable, TableDescription],
    *,
    whole: bool = True,
    ranges: Mapping[SourceTable, Sequence[Range]] | None = None,
) -> None:
    """Read tables and merge them into the replica.

    Args:
        bigquery: the source.
        settings: the two servers and the replica's schemas.
        tables: the tables, with their descriptions at the source.
        whole: whether to read all rows, which repairs missing and different ones, or only those that the next sync
            would read.
        ranges: the times of the rows to read, for tables that are not read whole.

    Raises:
        NotLoaded: some tables could not be loaded; the others were loaded.
    """
    failures: dict[SourceTable, str] = {}
    for pipeline, some in by_pipeline(tables):
        schema = settings.schemas[next(iter(some)).source]
        with (
            connect(settings, autocommit=True) as database,
            schema_lock(database, schema) as lock,
        ):
            prepare_database(database)
            failures |= ownership.inspect(database, schema, list(some)).refused
            some = {table: description for table, description in some.items() if table not in failures}
            if not some:
                continue
            ownership.announce_load(database, schema, some)
            prepare_staging(database, schema, some)
            bigquery.meter.listen(partial(record_usage, database))
            load_ids, failed = run(bigquery, settings, pipeline, some, whole=whole, ranges=ranges, lock=lock)
            bigquery.meter.listen(None)
            failures |= failed
            ownership.record_load(database, schema, some)
            with database.cursor() as cursor:
                erasing.sweep(cursor, settings, some, load_ids)
    if failures:
        raise NotLoaded(failures)


def run(
    bigquery: "BigQuery",
    settings: Settings,
    pipeline: PipelineName,
    tables: Mapping[SourceTable, TableDescription],
    *,
    whole: bool = True,
    ranges: Mapping[SourceTable, Sequence[Range]] | None = None,
    lock: LoadLock | None = None,
    **options: Any,
) -> tuple[list[str], dict[SourceTable, str]]:
    """Run a pipeline over some of its tables.

    Args:
        bigquery: the source.
        settings: its schemas are those to load into.
        pipeline: the name of the pipeline.
        tables: the tables, with their descriptions at the source.
        whole: as in `reload`.
        ranges: as in `reload`.
        lock: the held lock on loading into the schema; None if no other load can use the schema.
        options: passed to dlt's `Pipeline.run`.

    Returns:
        The load ids, and the reason for each table that could not be loaded.
    """
    from coaching_assets.replica.pipelines import pipeline_for, source_for

    with connect(settings, autocommit=True) as database:
        extractions = extractions_for(bigquery, database, settings, tables)
    for table, extraction in extractions.items():
        # not the record of what was read: the replica may have lost rows since
        extraction.ranges = (ranges or {}).get(table)
        if whole:
            extraction.since = None
    with working_folder(pipeline) as folder:
        dlt_pipeline = pipeline_for(pipeline, settings, folder, lock)
        source = source_for(dlt_pipeline, extractions)
        loaded, errors = run_together(lambda: [dlt_pipeline.run(source, **options)], extractions, dlt_pipeline.failed)
    load_ids = [load_id for info in loaded if info is not None for load_id in info.loads_ids]
    return load_ids, {table: explain(error) for table, error in errors.items()}


def by_pipeline(
    tables: Mapping[SourceTable, TableDescription],
) -> Iterator[tuple[PipelineName, dict[SourceTable, TableDescription]]]:
    """Group tables by the pipeline that loads them."""
    for pipeline in PIPELINES:
        some = {table: description for table, description in tables.items() if table.pipeline == pipeline}
        if some:
            yield pipeline, some
