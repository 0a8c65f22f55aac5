"""BigQuery's tables as external assets: Fivetran fills them, this project observes their metadata."""

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dagster import (
    AssetExecutionContext,
    AssetObservation,
    AssetsDefinition,
    AssetSpec,
    BetaWarning,
    DagsterInstance,
    DataVersion,
    ObserveResult,
    TableColumn,
    TableColumnConstraints,
    TableSchema,
    multi_observable_source_asset,
)

from coaching_assets.catalogue import TABLES, SourceTable
from coaching_assets.defs.code_references import PACKAGE, code_references
from coaching_assets.defs.failures import as_failure
from coaching_assets.defs.keys import source_key
from coaching_assets.defs.resources import BigQueryResource, PostgresResource
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.tables import TableDescription

GROUPS = {"gong": "source_gong", "salesforce": "source_salesforce"}
DATA_VERSION_TAG = "dagster/data_version"
"""The tag in which an observation carries its data version: https://docs.dagster.io/guides/build/assets/external-assets"""


def external_assets(settings: Settings) -> list[AssetsDefinition]:
    """One external asset per table of the catalogue, without touching the network.

    They are observable: Dagster takes the data version of an observation into account only for such assets. The sensor
    `bigquery_changes` observes them; "Observe" in the UI does the same by hand.
    """
    specs = dict(zip(TABLES, external_specs(settings), strict=True))

    def bigquery_tables(
        context: AssetExecutionContext, bigquery: BigQueryResource, postgres: PostgresResource
    ) -> Iterator[ObserveResult]:
        from coaching_assets.replica.survey import survey_source

        selected = [table for table, spec in specs.items() if spec.key in context.selected_asset_keys]
        with as_failure(), bigquery.connect() as client:
            found = survey_source(client, postgres.settings.load(), selected).present
        for table, description in found.items():
            seen = observation(settings, table, description)
            version = DataVersion(seen.tags[DATA_VERSION_TAG])
            yield ObserveResult(asset_key=seen.asset_key, metadata=seen.metadata, data_version=version)

    with warnings.catch_warnings():
        # the decorator is marked as beta; a warning at every start helps nobody
        warnings.simplefilter("ignore", BetaWarning)
        observable = multi_observable_source_asset(name="bigquery", specs=list(specs.values()), can_subset=True)
        return [observable(bigquery_tables)]


def observe_sources(instance: DagsterInstance, settings: Settings) -> None:
    """Record an observation of every source table before a run.

    Dagster records with a materialization the data version that its source had when the step started. Without an
    observation it would show the table as unsynced after the first one.

    Raises:
        CoachingError: BigQuery cannot be reached.
    """
    from coaching_assets.bigquery import connect
    from coaching_assets.replica.survey import survey_source

    with connect(settings) as bigquery:
        found = survey_source(bigquery, settings, TABLES).present
    for table, description in found.items():
        instance.report_runless_asset_event(observation(settings, table, description))


def external_specs(settings: Settings) -> list[AssetSpec]:
    """The specs of the external assets, in the catalogue's order."""
    return [_external_asset(settings, table) for table in TABLES]


def observation(settings: Settings, table: SourceTable, found: "TableDescription") -> AssetObservation:
    """What BigQuery's metadata say about a table. The data version is the time of the last modification."""
    modified = found.modified.isoformat() if found.modified else "unknown"
    metadata: dict[str, int | str] = {"last_modified": modified}
    if found.row_count is not None:
        metadata["dagster/row_count"] = found.row_count
    if found.byte_count is not None:
        metadata["bytes"] = found.byte_count
    return AssetObservation(asset_key=source_key(settings, table), metadata=metadata, tags={DATA_VERSION_TAG: modified})


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
