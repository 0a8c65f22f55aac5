"""Requests metadata of tables and datasets. These requests are free of charge and run no query."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.cloud.bigquery import DatasetReference, SchemaField, Table

from coaching_assets.bigquery.errors import TableNotFound
from coaching_assets.bigquery.google_errors import translated_errors
from coaching_assets.bigquery.request_settings import REQUEST_SECONDS
from coaching_assets.bigquery.tables import Field, Partitioning, TableDescription

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

INGESTION_TIME = "_PARTITIONTIME"
"""The pseudo-column that ingestion-time partitioned tables are filtered by; NULL for rows in the streaming buffer:
https://cloud.google.com/bigquery/docs/querying-partitioned-tables"""


def describe(bigquery: "BigQuery", dataset: str, table: str, project: str | None = None) -> TableDescription | None:
    """The metadata of a table, by default in the settings' project; None if table or dataset do not exist.

    Raises:
        AccessDenied: the account may not see the table.
        SourceError: the request failed.
    """
    reference = DatasetReference(project or bigquery.project, dataset).table(table)
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
    created: datetime | None = table.created
    fields = tuple(_field(field) for field in table.schema)
    return TableDescription(
        project=table.project,
        dataset=table.dataset_id,
        table=table.table_id,
        kind=str(table.table_type or "TABLE"),
        fields=fields,
        row_count=table.num_rows,
        byte_count=table.num_bytes,
        modified=modified.astimezone(UTC) if modified is not None else None,
        streaming=table.streaming_buffer is not None,
        clustered_by=tuple(table.clustering_fields or ()),
        created=created.astimezone(UTC) if created is not None else None,
        filter_on=_required_filter(table.to_api_repr(), fields),
        partitioning=_partitioning(table),
    )


def _required_filter(resource: Mapping[str, Any], fields: tuple[Field, ...]) -> Field | None:
    """The column on which every query must filter; None if there is no such requirement.

    The requirement is a member of the table, formerly of its partitioning, and of an external table's partition keys:
    https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table
    """
    hive = resource.get("externalDataConfiguration", {}).get("hivePartitioningOptions", {})
    partitioning = resource.get("timePartitioning") or resource.get("rangePartitioning") or {}
    if hive.get("requirePartitionFilter") and hive.get("fields"):
        name = hive["fields"][0]
    elif resource.get("requirePartitionFilter") or partitioning.get("requirePartitionFilter"):
        name = partitioning.get("field")
    else:
        return None
    found = next((field for field in fields if name is not None and field.name.lower() == name.lower()), None)
    return found or Field(INGESTION_TIME, "TIMESTAMP")


def _partitioning(table: Table) -> Partitioning | None:
    by_time, by_range = table.time_partitioning, table.range_partitioning
    if by_time is not None:
        return Partitioning(by_time.field, unit=str(by_time.type_ or "DAY"))
    if by_range is not None:
        return Partitioning(by_range.field, start=by_range.range_.start, interval=by_range.range_.interval)
    return None


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
        protected=_is_protected(field),
    )


def _is_protected(field: SchemaField) -> bool:
    return bool(field.policy_tags and field.policy_tags.names) or any(map(_is_protected, field.fields))
