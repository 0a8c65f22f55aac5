"""dagster-dlt as a resource, imported where a table is loaded: most syncs load none, and the import takes seconds."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, ConfigurableResource, MaterializeResult

from coaching_assets.catalogue import PipelineName, SourceTable
from coaching_assets.replica.extraction import Extraction
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from dlt.pipeline.pipeline import Pipeline


class LazyDlt(ConfigurableResource[None]):
    """Runs a pipeline through `DagsterDltResource`."""

    def run(
        self,
        context: AssetExecutionContext,
        settings: Settings,
        name: PipelineName,
        pipeline: "Pipeline",
        extractions: Mapping[SourceTable, Extraction],
    ) -> Iterator[MaterializeResult[Any]]:
        """Extract, normalize and load the tables; yields a materialization for each."""
        from dagster_dlt import DagsterDltResource

        from coaching_assets.defs.dlt_translator import ReplicaTranslator
        from coaching_assets.replica.pipelines import source_for

        translator = ReplicaTranslator(settings, {table.name: table for table in extractions})
        return DagsterDltResource().run(  # type: ignore[return-value]
            context=context,
            dlt_source=source_for(name, extractions),
            dlt_pipeline=pipeline,
            dagster_dlt_translator=translator,
        )
