"""The form in which the wanted and the found content of the six published tables are held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

TABLES = ("calls", "speakers", "transcripts", "call_opportunities", "opportunities", "emails")
KEYS = {
    "calls": ("gong_call_id",),
    "speakers": ("gong_call_id", "gong_speaker_id"),
    "transcripts": ("gong_call_id", "sequence_number"),
    "call_opportunities": ("gong_call_id", "gong_opportunity_id"),
    "opportunities": ("gong_opportunity_id",),
    "emails": ("gong_email_id",),
}

Key = Any
Row = dict[str, Any]
Rows = dict[Key, Row]


@dataclass
class Expected:
    """Rows by natural key, of the columns that the project owns, for each published table.

    `KEYS` names the key's columns; a key of one column is that value, a key of several a tuple. A speaker that was read
    from the application has the row's uuid instead of Gong's id. A row that exists twice has its duplicate under
    `(key, "duplicate", n)`.

    `rejected` and `waiting` hold, by published table, the keys of source rows that must not be published: for
    transcripts `(call_id, index as text)`, else like the keys above, with None for a part that is missing.
    """

    calls: Rows = field(default_factory=dict)
    speakers: Rows = field(default_factory=dict)
    transcripts: Rows = field(default_factory=dict)
    call_opportunities: Rows = field(default_factory=dict)
    opportunities: Rows = field(default_factory=dict)
    emails: Rows = field(default_factory=dict)
    rejected: dict[str, set[Key]] = field(default_factory=lambda: {table: set() for table in TABLES})
    waiting: dict[str, set[Key]] = field(default_factory=lambda: {table: set() for table in TABLES})

    def rows(self, table: str) -> Rows:
        """The rows of one of `TABLES`."""
        rows: Rows = getattr(self, table)
        return rows

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table: len(self.rows(table)) for table in TABLES}


def key_of(parts: Iterable[Any]) -> Key:
    """A key of one part is that part, a key of several a tuple."""
    parts = tuple(storable(part) for part in parts)
    return parts[0] if len(parts) == 1 else parts


def storable(value: Any) -> Any:
    """The value as Postgres can hold it and as two sides can be compared: no U+0000, times in UTC without a zone."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(storable(item) for item in value)
    return value


def own_keys(metadata: dict[str, Any] | None) -> dict[str, Any]:
    """The object without keys that hold nothing, and with warnings reduced to the columns that they are about."""
    kept = {key: value for key, value in (metadata or {}).items() if not is_nothing(value)}
    if "validation_warnings" in kept:
        kept["validation_warnings"] = sorted({text.partition(":")[0] for text in kept["validation_warnings"]})
    return kept


def is_nothing(value: Any) -> bool:
    """Whether a metadata key with this value is to be absent."""
    return value is None or value == [] or value == {}
