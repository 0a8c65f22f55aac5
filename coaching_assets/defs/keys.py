"""The asset keys of the three layers; they follow the configured dataset names."""

from dagster import AssetKey

from coaching_assets.catalogue import SourceTable
from coaching_assets.publish.published_table import PublishedTable
from coaching_assets.settings import Settings


def source_key(settings: Settings, table: SourceTable) -> AssetKey:
    """`bigquery/<dataset>/<table>`: the external asset of a BigQuery table."""
    return AssetKey(["bigquery", settings.datasets[table.source], table.name])


def replica_key(settings: Settings, table: SourceTable) -> AssetKey:
    """`<dataset>/<table>`: a table of the replica."""
    return AssetKey([settings.datasets[table.source], table.name])


def published_key(table: PublishedTable) -> AssetKey:
    """`coaching/<table>`: a table of the application."""
    return AssetKey(["coaching", table.name])
