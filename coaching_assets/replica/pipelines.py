"""The dlt sources and pipelines: one resource per table, merged by key from Arrow batches."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from dlt.pipeline.pipeline import Pipeline


def resource_for(table: SourceTable, extraction: Extraction) -> DltResource:
    """Build the dlt resource of a table.

    Key columns stay nullable: rows without a key are loaded, too, and rejected when they are published.
    """

    def batches() -> Iterator[Any]:
        yield from extraction.batches()

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


def source_for(pipeline: PipelineName, extractions: Mapping[SourceTable, Extraction]) -> DltSource:
    """Build the dlt source for some tables of a pipeline."""
    resources = [resource_for(table, extraction) for table, extraction in extractions.items()]
    return dlt.source(lambda: resources, name=pipeline)()


def pipeline_for(pipeline: PipelineName, settings: Settings, folder: Path, lock: LoadLock | None = None) -> "Pipeline":
    """Build the dlt pipeline.

    dlt's state is in the database, so the folder may be temporary.

    Args:
        pipeline: the name of the pipeline.
        settings: the database, and the datasets whose names the schemas have.
        folder: for the pipeline's files.
        lock: the held lock on loading into the schema; None if no other load can use it.
    """
    source = tables_of(pipeline)[0].source
    # publishing needs the load ids, so do not rely on a configuration file for them
    dlt.config["normalize.parquet_normalizer.add_dlt_load_id"] = True
    # dlt retries a failed job five times without a pause; the step retries it after a pause
    dlt.config["load.raise_on_max_retries"] = 1
    return dlt.pipeline(
        pipeline_name=pipeline,
        destination=replica_postgres(
            credentials=LibpqCredentials(settings, lock), enable_dataset_name_normalization=False
        ),
        dataset_name=settings.schemas[source],
        pipelines_dir=str(folder),
    )
