"""Checks of BigQuery: access, datasets, tables and columns."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.column_access import GRANT_COLUMNS
from coaching_assets.bigquery.errors import DATASET_REMEDY, SourceError
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import TABLES, Source, SourceTable
from coaching_assets.doctor.finding import Finding, State
from coaching_assets.replica.survey import denied_and_needed
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

KINDS = {"VIEW": "is a view", "MATERIALIZED_VIEW": "is a materialized view", "EXTERNAL": "is an external table"}
"""BigQuery does not count the rows of these."""


def check_bigquery(settings: Settings) -> Iterator[Finding]:
    """Check access to the project, then each dataset and each table that a sync reads."""
    project = settings.project()
    origin: str = settings.bigquery_credentials_origin or "Google's application default credentials"
    if settings.bigquery_emulator_host:
        origin = f"none, for the emulator at {settings.bigquery_emulator_host}"
    with connect(settings) as bigquery:
        datasets: dict[Source, frozenset[str] | None] = {
            source: bigquery.table_names(settings.datasets[source]) for source in ("gong", "salesforce")
        }
        yield Finding("ok", f"BigQuery answers for project {project}; credentials: {origin}{_identity(bigquery)}")
        for source, names in datasets.items():
            yield from _check_dataset(bigquery, settings, source, names)


def _identity(bigquery: "BigQuery") -> str:
    from coaching_assets.bigquery.credentials import describe_identity

    return "" if bigquery.emulator else f", {describe_identity(bigquery.credentials)}"


def _check_dataset(
    bigquery: "BigQuery", settings: Settings, source: Source, names: frozenset[str] | None
) -> Iterator[Finding]:
    dataset = settings.datasets[source]
    if names is None:
        state: State = "failed" if source == "gong" else "warning"
        remedy = DATASET_REMEDY.format(setting=f"{source.upper()}_DATASET")
        yield Finding(state, f"Dataset {dataset} does not exist", remedy)
        return
    yield Finding("ok", f"Dataset {dataset} has {len(names)} tables")
    for table in TABLES:
        if table.source == source:
            description = bigquery.describe(dataset, table.name)
            if description is not None:
                description = bigquery.readable(description)
            yield _check_table(table, dataset, description)
            if description is not None:
                yield from _check_restrictions(bigquery, description)


def _check_restrictions(bigquery: "BigQuery", description: TableDescription) -> Iterator[Finding]:
    """Report what BigQuery keeps from the account although it may read the table."""
    name = f"{description.dataset}.{description.table}"
    if description.denied:
        message = f"Policy tags keep columns of {name} from the account: {', '.join(description.denied)}"
        yield Finding("warning", message, GRANT_COLUMNS)
    try:
        reason = bigquery.hidden_rows(description)
    except SourceError as error:
        yield Finding("warning", f"Whether {name} has hidden rows is unknown", str(error))
        return
    if reason is not None:
        message, _, remedy = reason.partition(". ")
        yield Finding("warning", message, remedy)


def _check_table(table: SourceTable, dataset: str, description: TableDescription | None) -> Finding:
    name = f"{dataset}.{table.name}"
    if description is None:
        remedy = f"Select it in Fivetran's connector. Without it, {table.without}."
        return Finding("failed" if table.required else "warning", f"{name} is not at the source", remedy)
    if denied := denied_and_needed(table, description):
        return Finding("failed", f"Policy tags keep {', '.join(denied)} of {name} from the account", GRANT_COLUMNS)
    present = frozenset((*description.columns, *description.denied))
    required = [column.name for column in table.columns if column.required and column.name not in present]
    if required:
        remedy = f"Select the columns in Fivetran's connector: {', '.join(required)}."
        return Finding("failed", f"{name} lacks required columns", remedy)
    optional = [column.name for column in table.columns if column.name not in present]
    lacks = f"; optional columns missing: {', '.join(optional)}" if optional else ""
    content = f"has {description.row_count:,} rows" if description.is_stored else KINDS.get(description.kind, "exists")
    return Finding("ok", f"{name} {content}{lacks}")
