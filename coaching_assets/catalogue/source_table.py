"""The data model of the catalogue: a source table, its columns, and the identities that an erasure looks for."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Source = Literal["gong", "salesforce"]
PipelineName = Literal["gong_calls", "gong_emails", "salesforce"]
ColumnType = Literal["text", "bigint", "numeric", "boolean", "timestamptz", "date", "jsonb"]
IdentityKind = Literal["call", "opportunity", "address", "email", "user", "owner", "participant", "speaker"]

CURSOR = "_fivetran_synced"
"""Fivetran's processing time (UTC), the column a sync reads by. It is not the commit time, hence the overlap window."""

HISTORY_START = "_fivetran_start"
"""Marks Fivetran's history mode. A table that has this column has it in its key."""

SYSTEM_COLUMNS = {
    "_fivetran_synced": "Time at which Fivetran processed the row. A sync reads by it.",
    "_fivetran_deleted": "Whether the row is deleted at the source.",
    "_fivetran_active": "History mode: whether this is the current version of the row.",
    "_fivetran_start": "History mode: start of this version's validity.",
    "_fivetran_end": "History mode: end of this version's validity.",
    "is_deleted": "Whether the record is deleted in the CRM.",
    "_dlt_load_id": "The load that wrote the row. Publishing finds changed rows by it.",
}
"""Descriptions of columns that any source table can have."""


@dataclass(frozen=True)
class Column:
    """A column that publishing reads.

    Args:
        type: the Postgres type that the published SQL sees, whatever type the connector delivers.
        required: publishing stops for the tables that read this source while the column is missing from it.
    """

    name: str
    type: ColumnType
    description: str
    required: bool = False


@dataclass(frozen=True)
class Identity:
    """Columns of a source table whose values together name something that can be erased.

    Args:
        columns: an erasure removes a row if these columns hold an erased identity.
        reveals: an erasure then also erases this identity, so that related rows are removed together. For example,
            an address leads to the participant, the participant to the speaker, and the speaker to the monologues.
        member: the member of a JSON column that holds the value.
        value_only: the erasure empties the column and keeps the row.
    """

    kind: IdentityKind
    columns: tuple[str, ...]
    reveals: bool = False
    member: str | None = None
    value_only: bool = False


@dataclass(frozen=True)
class SourceTable:
    """A BigQuery table that the replica copies.

    Args:
        key: Fivetran's primary key. The column that other tables join by comes first, so that the key's unique index
            serves those joins.
        without: completes the sentence "<table> is not at the source, so …".
        other_columns: names and descriptions of columns that publishing does not read, for Dagster's UI.
        required: `coaching doctor` fails if the source lacks the table, instead of warning.
        deletion_time: the published rows show when a row was deleted. Only then is a second deletion of a row, with
            another time, a change.
        indexes: further columns that publishing looks rows up by.
        needed: columns that publishing rejects a row without. An index finds the rows that lack one.
    """

    source: Source
    name: str
    pipeline: PipelineName
    description: str
    without: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    other_columns: tuple[tuple[str, str], ...] = ()
    required: bool = False
    deletion_time: bool = False
    indexes: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    identities: tuple[Identity, ...] = ()

    @property
    def view(self) -> str:
        """The name by which the published SQL reads this table, such as `gong_call`."""
        return f"{self.source}_{self.name}"

    def key_for(self, columns: frozenset[str]) -> tuple[str, ...]:
        """Return the key of a table with these columns: in history mode, the version's start is part of it."""
        return (*self.key, HISTORY_START) if HISTORY_START in columns and HISTORY_START not in self.key else self.key

    def describe_column(self, name: str) -> str | None:
        """Return the description of a column; None if the catalogue has none."""
        described = {column.name: column.description for column in self.columns} | dict(self.other_columns)
        return described.get(name) or SYSTEM_COLUMNS.get(name)


def identities_as_json(identities: Sequence[Identity]) -> str:
    """Return identities in the form that the SQL functions of the erasure read."""
    return json.dumps([asdict(identity) for identity in identities])
