"""The external assets that stand for BigQuery's tables."""

import dagster as dg

from coaching_assets.catalogue import TABLES
from coaching_assets.defs.keys import source_key
from coaching_assets.defs.source_assets import external_specs
from coaching_assets.settings import Settings


def test_there_is_one_asset_a_table_under_the_configured_dataset() -> None:
    settings = Settings(gong_dataset="my_gong", bigquery_project="acme")
    specs = {spec.key: spec for spec in external_specs(settings)}
    assert set(specs) == {source_key(settings, table) for table in TABLES}
    call = specs[dg.AssetKey(["bigquery", "my_gong", "call"])]
    assert call.metadata["dagster/table_name"] == "acme.my_gong.call"
    assert call.kinds == {"bigquery", "gong"}
    assert dg.Definitions(assets=list(specs.values())).resolve_asset_graph()


def test_without_a_project_the_assets_have_no_table_name() -> None:
    assert all("dagster/table_name" not in spec.metadata for spec in external_specs(Settings(bigquery_project=None)))
