"""Compares the columns of a BigQuery table with the columns of its replica."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coaching_assets.bigquery.column_access import GRANT_COLUMNS
from coaching_assets.bigquery.column_hints import column_hints
from coaching_assets.bigquery.tables import Field, TableDescription
from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.replica.placement import base_name, column_name, postgres_type, replica_columns


@dataclass(frozen=True)
class SchemaDrift:
    """Differences between a source table's columns and its replica's.

    `gone` are columns that the source no longer delivers. `changed` maps a column to its old and new Postgres type.
    `denied` are columns that policy tags keep from the account.
    """

    gone: tuple[str, ...] = ()
    changed: Mapping[str, str] = field(default_factory=dict)
    denied: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the columns and their types are the same, and the account may read all of them."""
        return not self.gone and not self.changed and not self.denied

    def __str__(self) -> str:
        """Sentences that name the columns and say what happens to their values; empty without drift."""
        sentences = []
        if self.gone:
            sentences.append(
                f"The source no longer delivers {', '.join(self.gone)}. The replica keeps the values that it has; new"
                " rows have null. If the columns are gone for good, drop them from the replica."
            )
        if self.changed:
            listed = ", ".join(f"{column} ({change})" for column, change in self.changed.items())
            sentences.append(f"The type changed: {listed}. New values go into a second column beside the old one.")
        if self.denied:
            sentences.append(
                f"Policy tags keep {', '.join(self.denied)} from the account. The replica keeps the values that it"
                f" has; new rows have null. {GRANT_COLUMNS}"
            )
        return " ".join(sentences)


def missing_required(table: SourceTable, description: TableDescription) -> tuple[str, ...]:
    """The required columns that the source does not deliver, in the catalogue's order."""
    present = {column.lower() for column in description.columns}
    return tuple(column.name for column in table.columns if column.required and column.name not in present)


def schema_drift(
    database: Connection, schema: str, table: str, fields: Sequence[Field], denied: Sequence[str] = ()
) -> SchemaDrift:
    """Compare the replica's columns with the source's fields, and with those that the account may not read."""
    existing = replica_columns(database, schema, table)
    delivered = {column_name(name): postgres_type(hint) for name, hint in column_hints(fields).items()}
    gone = sorted({base_name(column) for column in existing} - delivered.keys() - set(map(column_name, denied)))
    changed = {
        column: f"{existing[column]} became {type_}"
        for column, type_ in delivered.items()
        if existing.get(column, type_) != type_
    }
    return SchemaDrift(tuple(gone), changed, tuple(denied))
