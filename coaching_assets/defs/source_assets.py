"""BigQuery's tables as external assets: what the graph starts from, kept by Fivetran and observed by this project."""

import dagster as dg

from coaching_assets.catalogue import TABLES, SourceTable
from coaching_assets.settings import Settings

GROUPS = {"gong": "source_gong", "salesforce": "source_salesforce"}


def source_key(settings: Settings, table: SourceTable) -> dg.AssetKey:
    """The key of a source table's external asset; it follows the configured dataset."""
    return dg.AssetKey(["bigquery", settings.datasets[table.source], table.name])


def external_assets(settings: Settings) -> list[dg.AssetSpec]:
    """One external asset for each table of the catalogue. Only settings are read, no network is touched."""
    return [_external_asset(settings, table) for table in TABLES]


def _external_asset(settings: Settings, table: SourceTable) -> dg.AssetSpec:
    dataset = settings.datasets[table.source]
    columns = [
        dg.TableColumn(
            column.name,
            column.type,
            description=table.describe_column(column.name),
            constraints=dg.TableColumnConstraints(nullable=not column.required),
        )
        for column in table.columns
    ]
    metadata: dict[str, object] = {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "required": table.required,
        "without it": table.without,
    }
    if settings.bigquery_project:
        metadata["dagster/table_name"] = f"{settings.bigquery_project}.{dataset}.{table.name}"
    return dg.AssetSpec(
        key=source_key(settings, table),
        group_name=GROUPS[table.source],
        owners=["team:data"],
        kinds={"bigquery", table.source},
        description=table.description,
        metadata=metadata,
    )
