"""What BigQuery says about its tables, without a query and without cost."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from coaching_assets.bigquery.client import REQUEST_SECONDS, BigQuery
from coaching_assets.bigquery.errors import TableNotFound, explained

if TYPE_CHECKING:
    from google.cloud.bigquery import SchemaField, Table

CONCURRENT_REQUESTS = 8

SQL_TYPE_NAMES = {
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "RECORD": "STRUCT",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}
"""BigQuery's API spells some types in two ways; this project spells them as SQL does."""


@dataclass(frozen=True)
class Field:
    """A column of a BigQuery table, or a field of a STRUCT.

    `type` is SQL's name (INT64, FLOAT64, BOOL, STRUCT, ...), `mode` is NULLABLE, REQUIRED or REPEATED. `precision` and
    `scale` are None unless the column is declared with them.
    """

    name: str
    type: str
    mode: str = "NULLABLE"
    subfields: tuple["Field", ...] = ()
    precision: int | None = None
    scale: int | None = None
    description: str | None = None

    @property
    def repeated(self) -> bool:
        """Whether this is an ARRAY of its type."""
        return self.mode == "REPEATED"


@dataclass(frozen=True)
class TableDescription:
    """A BigQuery table as its metadata describe it.

    `kind` is TABLE, VIEW, MATERIALIZED_VIEW, EXTERNAL or whatever else BigQuery names. `row_count` and `byte_count` are
    None where BigQuery does not know them (views), `modified` is the time of the last change of content or schema.
    `streaming` tables hold rows in a streaming buffer, whose arrival does not always move `modified` at once.
    """

    project: str
    dataset: str
    table: str
    kind: str
    fields: tuple[Field, ...]
    row_count: int | None
    byte_count: int | None
    modified: datetime | None
    streaming: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the table's order."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> Field | None:
        """The column of that name; None where there is none."""
        return next((field for field in self.fields if field.name == name), None)

    def __str__(self) -> str:
        """`project.dataset.table`."""
        return f"{self.project}.{self.dataset}.{self.table}"


def describe(bigquery: BigQuery, dataset: str, table: str) -> TableDescription | None:
    """A table's metadata; None where the table or its dataset does not exist.

    Raises:
        AccessDenied: the account may not see it.
        SourceError: BigQuery could not be asked.
    """
    from google.cloud.bigquery import DatasetReference

    reference = DatasetReference(bigquery.project, dataset).table(table)
    try:
        with explained(bigquery.subject(dataset, table)):
            found = bigquery.rest.get_table(reference, retry=bigquery.retry, timeout=REQUEST_SECONDS)
    except TableNotFound:
        return None
    return _description(found)


def describe_all(bigquery: BigQuery, dataset: str, tables: Iterable[str]) -> dict[str, TableDescription | None]:
    """The metadata of several tables of one dataset, asked for at once.

    Raises:
        SourceError: as `describe`, the first that any of them raises.
    """
    names = list(dict.fromkeys(tables))
    with ThreadPoolExecutor(CONCURRENT_REQUESTS, thread_name_prefix="bigquery-metadata") as pool:
        return dict(zip(names, pool.map(lambda name: describe(bigquery, dataset, name), names), strict=True))


def table_names(bigquery: BigQuery, dataset: str) -> frozenset[str] | None:
    """The names of a dataset's tables and views; None where the dataset does not exist.

    Raises:
        AccessDenied: the account may not see it.
        SourceError: BigQuery could not be asked.
    """
    from google.cloud.bigquery import DatasetReference

    reference = DatasetReference(bigquery.project, dataset)
    try:
        with explained(bigquery.subject(dataset)):
            tables = bigquery.rest.list_tables(reference, retry=bigquery.retry, timeout=REQUEST_SECONDS)
            names = frozenset(table.table_id for table in tables)
            if not names:
                # An emulator lists nothing, too, where there is no dataset; this call then says so.
                bigquery.rest.get_dataset(reference, retry=bigquery.retry, timeout=REQUEST_SECONDS)
            return names
    except TableNotFound:
        return None


def _description(table: "Table") -> TableDescription:
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
    )


def _field(field: "SchemaField") -> Field:
    spelled = str(field.field_type).upper()
    return Field(
        name=field.name,
        type=SQL_TYPE_NAMES.get(spelled, spelled),
        mode=str(field.mode or "NULLABLE").upper(),
        subfields=tuple(_field(subfield) for subfield in field.fields),
        precision=field.precision,
        scale=field.scale,
        description=field.description or None,
    )
