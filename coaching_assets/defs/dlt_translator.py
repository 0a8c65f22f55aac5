"""dagster-dlt's mapping from dlt resources to assets. Imported only when a table is loaded, like dagster-dlt."""

from collections.abc import Mapping
from dataclasses import dataclass

from dagster import AssetSpec
from dagster_dlt import DagsterDltTranslator
from dagster_dlt.translator import DltResourceTranslatorData

from coaching_assets.catalogue import SourceTable
from coaching_assets.defs.replica_assets import replica_spec
from coaching_assets.settings import Settings


@dataclass
class ReplicaTranslator(DagsterDltTranslator):
    """Maps each dlt resource to the asset of its replica table."""

    settings: Settings
    tables: Mapping[str, SourceTable]

    def get_asset_spec(self, data: DltResourceTranslatorData) -> AssetSpec:
        """The asset of the resource's table."""
        return replica_spec(self.settings, self.tables[data.resource.name])
