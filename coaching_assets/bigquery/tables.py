"""Describes BigQuery tables and their columns as plain data."""

from dataclasses import dataclass
from datetime import datetime

STORED_KINDS = frozenset({"TABLE", "SNAPSHOT", "CLONE"})
"""The kinds of tables that the Storage Read API reads. Views and external tables need a query job:
https://cloud.google.com/bigquery/docs/reference/storage#limitations"""


@dataclass(frozen=True)
class Field:
    """A column of a BigQuery table, or a field of a STRUCT.

    `type` is the SQL name (INT64, FLOAT64, BOOL, STRUCT, ...). `mode` is NULLABLE, REQUIRED or REPEATED. `precision`
    and `scale` are None unless the column declares them. `protected` says whether a policy tag restricts who may read
    the column or a field of it: https://cloud.google.com/bigquery/docs/column-level-security-intro
    """

    name: str
    type: str
    mode: str = "NULLABLE"
    subfields: tuple["Field", ...] = ()
    precision: int | None = None
    scale: int | None = None
    description: str | None = None
    protected: bool = False

    @property
    def repeated(self) -> bool:
        """Whether this is an ARRAY of its type."""
        return self.mode == "REPEATED"


@dataclass(frozen=True)
class Partitioning:
    """How a table is partitioned.

    https://cloud.google.com/bigquery/docs/partitioned-tables

    `column` is None if BigQuery partitions by the time at which rows arrived. `unit` is HOUR, DAY, MONTH or YEAR. It is
    None for ranges of integers, which begin at `start` and have `interval` values each.
    """

    column: str | None
    unit: str | None = None
    start: int | None = None
    interval: int | None = None


@dataclass(frozen=True)
class TableDescription:
    """The metadata of a BigQuery table.

    `kind` is TABLE, VIEW, MATERIALIZED_VIEW, EXTERNAL, SNAPSHOT or CLONE. `row_count` and `byte_count` are None for
    views. `modified` is the time of the last change of content or schema, to the millisecond. `streaming` tables have
    a streaming buffer, into which rows arrive without moving `modified` at once. `clustered_by` are the columns by
    which BigQuery sorts the rows: https://cloud.google.com/bigquery/docs/clustered-tables . `created` is the time of
    the table's creation. Every read needs a filter on `filter_on`, unless that is None; it may be a pseudo-column.
    `denied` are columns that policy tags keep from the account; `fields` does not have them (see `column_access`).
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
    clustered_by: tuple[str, ...] = ()
    created: datetime | None = None
    filter_on: Field | None = None
    denied: tuple[str, ...] = ()
    partitioning: Partitioning | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the table's order."""
        return tuple(field.name for field in self.fields)

    @property
    def is_stored(self) -> bool:
        """Whether BigQuery stores the rows, so that the Storage Read API can read them."""
        return self.kind in STORED_KINDS

    def field(self, name: str) -> Field | None:
        """The column with that name, or None."""
        return next((field for field in self.fields if field.name == name), None)

    def __str__(self) -> str:
        """`project.dataset.table`."""
        return f"{self.project}.{self.dataset}.{self.table}"
