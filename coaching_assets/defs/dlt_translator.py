"""Which asset a dlt resource is; only whoever runs a pipeline imports this, and dagster-dlt with it."""

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
    """Tells dagster-dlt which asset a dlt resource is."""

    settings: Settings
    tables: Mapping[str, SourceTable]

    def get_asset_spec(self, data: DltResourceTranslatorData) -> AssetSpec:
        """The asset of one dlt resource."""
        return replica_spec(self.settings, self.tables[data.resource.name])
