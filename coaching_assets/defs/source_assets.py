"""BigQuery's tables as external assets: Fivetran fills them, a sensor observes them."""

from dagster import AssetSpec, TableColumn, TableColumnConstraints, TableSchema

from coaching_assets.catalogue import TABLES, SourceTable
from coaching_assets.defs.code_references import PACKAGE, code_references
from coaching_assets.defs.keys import source_key
from coaching_assets.settings import Settings

GROUPS = {"gong": "source_gong", "salesforce": "source_salesforce"}


def external_assets(settings: Settings) -> list[AssetSpec]:
    """One external asset per table of the catalogue, without touching the network."""
    return [_external_asset(settings, table) for table in TABLES]


def _external_asset(settings: Settings, table: SourceTable) -> AssetSpec:
    columns = [
        TableColumn(
            column.name,
            column.type,
            description=table.describe_column(column.name),
            constraints=TableColumnConstraints(nullable=not column.required),
        )
        for column in table.columns
    ]
    metadata: dict[str, object] = {
        "dagster/column_schema": TableSchema(columns=columns),
        "required": table.required,
        "without it": table.without,
        **code_references([PACKAGE / "catalogue" / f"{table.source}.py"]),
    }
    if settings.bigquery_project:
        dataset = settings.datasets[table.source]
        metadata["dagster/table_name"] = f"{settings.bigquery_project}.{dataset}.{table.name}"
    return AssetSpec(
        key=source_key(settings, table),
        group_name=GROUPS[table.source],
        owners=["team:data"],
        kinds={"bigquery", table.source},
        description=table.description,
        metadata=metadata,
    )
