"""The dlt sources and pipelines: one resource per table, merged by key from Arrow batches."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import dlt
from dlt.extract.resource import DltResource
from dlt.extract.source import DltSource

from coaching_assets.catalogue import PipelineName, SourceTable, identities_as_json, tables_of
from coaching_assets.replica.credentials import LibpqCredentials
from coaching_assets.replica.destination import (
    DELETION_TIME_HINT,
    DELIVERED_HINT,
    IDENTITIES_HINT,
    LOOKUP_HINT,
    NEEDED_HINT,
    replica_postgres,
)
from coaching_assets.replica.dlt_tables import KEY_HINT
from coaching_assets.replica.extraction import Extraction
from coaching_assets.replica.schema_lock import LoadLock
from coaching_assets.replica.tolerant_pipeline import TolerantPipeline
from coaching_assets.settings import Settings


def resource_for(table: SourceTable, extraction: Extraction, failed: MutableMapping[str, Exception]) -> DltResource:
    """Build the dlt resource of a table.

    A failing read ends the resource and adds the error to `failed`, so that dlt reads the other tables to their ends.
    Key columns stay nullable: rows without a key are loaded, too, and rejected when they are published.
    """

    def batches() -> Iterator[Any]:
        try:
            yield from extraction.batches()
        except Exception as error:
            failed[table.name] = error

    fields = extraction.description.fields
    key = table.key_for(frozenset(field.name for field in fields))
    hints: dict[str, Any] = {p.column: {**p.hint, "nullable": True} for p in extraction.placed.values()}
    resource = dlt.resource(
        batches,
        name=table.name,
        write_disposition="merge",
        primary_key=list(key),
        columns={column: {"name": column, "nullable": True} for column in key} | hints,
        file_format="parquet",
    )
    merging: dict[str, Any] = {
        KEY_HINT: list(key),
        LOOKUP_HINT: list(table.indexes),
        NEEDED_HINT: list(table.needed),
        DELIVERED_HINT: list(hints),
        IDENTITIES_HINT: identities_as_json(table.identities),
        DELETION_TIME_HINT: table.deletion_time,
    }
    return resource.apply_hints(additional_table_hints=merging)


def source_for(pipeline: TolerantPipeline, extractions: Mapping[SourceTable, Extraction]) -> DltSource:
    """Build the dlt source for some tables of a pipeline."""
    resources = [resource_for(table, extraction, pipeline.failed) for table, extraction in extractions.items()]
    return dlt.source(lambda: resources, name=pipeline.pipeline_name)()


def pipeline_for(
    pipeline: PipelineName,
    settings: Settings,
    folder: Path,
    lock: LoadLock | None = None,
    warn: Callable[[str], object] = lambda sentence: None,
) -> TolerantPipeline:
    """Build the dlt pipeline.

    dlt's state is in the database, so the folder may be temporary.

    Args:
        pipeline: the name of the pipeline.
        settings: the database, and the datasets whose names the schemas have.
        folder: for the pipeline's files.
        lock: the held lock on loading into the schema; None if no other load can use it.
        warn: is called with a sentence before each retry.
    """
    source = tables_of(pipeline)[0].source
    # publishing needs the load ids, so do not rely on a configuration file for them
    dlt.config["normalize.parquet_normalizer.add_dlt_load_id"] = True
    # dlt retries a failed job five times without a pause; the step retries it after a pause
    dlt.config["load.raise_on_max_retries"] = 1
    created = dlt.pipeline(
        pipeline_name=pipeline,
        destination=replica_postgres(
            credentials=LibpqCredentials(settings, lock), enable_dataset_name_normalization=False
        ),
        dataset_name=settings.schemas[source],
        pipelines_dir=str(folder),
        _impl_cls=TolerantPipeline,
    )
    created.settings, created.failed, created.warn = settings, {}, warn
    return created
