"""Requests metadata of tables and datasets. These requests are free of charge and run no query."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from google.cloud.bigquery import DatasetReference, SchemaField, Table

from coaching_assets.bigquery.errors import TableNotFound
from coaching_assets.bigquery.google_errors import translated_errors
from coaching_assets.bigquery.request_settings import REQUEST_SECONDS
from coaching_assets.bigquery.tables import Field, TableDescription

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

SQL_TYPE_NAMES = {
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "RECORD": "STRUCT",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}
"""The SQL names of the types for which BigQuery's API has a second name:
https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema"""


def describe(bigquery: "BigQuery", dataset: str, table: str) -> TableDescription | None:
    """The metadata of a table; None if the table or its dataset does not exist.

    Raises:
        AccessDenied: the account may not see the table.
        SourceError: the request failed.
    """
    reference = DatasetReference(bigquery.project, dataset).table(table)
    try:
        with translated_errors(bigquery.subject(dataset, table)):
            found = bigquery.rest.get_table(reference, retry=bigquery.retry, timeout=REQUEST_SECONDS)
    except TableNotFound:
        return None
    return _description(found)


def table_names(bigquery: "BigQuery", dataset: str) -> frozenset[str] | None:
    """The names of a dataset's tables and views; None if the dataset does not exist.

    Raises:
        AccessDenied: the account may not see the dataset.
        SourceError: the request failed.
    """
    reference = DatasetReference(bigquery.project, dataset)
    try:
        with translated_errors(bigquery.subject(dataset)):
            tables = bigquery.rest.list_tables(reference, retry=bigquery.retry, timeout=REQUEST_SECONDS)
            names = frozenset(table.table_id for table in tables)
            if not names:
                # The emulator lists no tables for a dataset that does not exist; this request fails then.
                bigquery.rest.get_dataset(reference, retry=bigquery.retry, timeout=REQUEST_SECONDS)
            return names
    except TableNotFound:
        return None


def _description(table: Table) -> TableDescription:
    modified: datetime | None = table.modified
    return TableDescription(
        project=table.project,
        dataset=table.dataset_id,
        table=table.table_id,
        kind=str(table.table_type or "TABLE"),
        fields=tuple(_field(field) for field in table.schema),
        row_count=table.num_rows,
        byte_count=table.num_bytes,
        modified=modified.astimezone(UTC) if modified is not None else None,
        streaming=table.streaming_buffer is not None,
        clustered_by=tuple(table.clustering_fields or ()),
    )


def _field(field: SchemaField) -> Field:
    api_name = str(field.field_type).upper()
    return Field(
        name=field.name,
        type=SQL_TYPE_NAMES.get(api_name, api_name),
        mode=str(field.mode or "NULLABLE").upper(),
        subfields=tuple(_field(subfield) for subfield in field.fields),
        precision=field.precision,
        scale=field.scale,
        description=field.description or None,
    )
