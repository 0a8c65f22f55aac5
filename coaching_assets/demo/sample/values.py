"""Converts the generator's values to the BigQuery type of a column."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa

from coaching_assets.demo.sample.schema import ARROW_TYPES, Field

Row = dict[str, Any]

_OFFSETS = (timedelta(0), timedelta(hours=2), timedelta(hours=-7), timedelta(0), timedelta(hours=5, minutes=30))


def to_arrow(rows: Sequence[Mapping[str, Any]], fields: Sequence[Field]) -> pa.Table:
    """Convert rows to an Arrow table. Columns that a row lacks are null."""
    columns = {
        field.name: pa.array(
            [convert(row.get(field.name), field.type, number) for number, row in enumerate(rows)],
            ARROW_TYPES[field.type],
        )
        for field in fields
    }
    return pa.table(columns)


def convert(value: object, bigquery_type: str, number: int = 0) -> object:
    """Convert a value to a BigQuery type. `number` varies the format of times that become text."""
    if value is None:
        return None
    if bigquery_type in {"STRING", "JSON"}:
        return _as_text(value, number)
    if bigquery_type == "FLOAT64":
        return _as_float(value)
    if bigquery_type == "TIMESTAMP":
        return _as_time(value)
    if bigquery_type == "INT64":
        return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else None
    return value


def rfc_3339(time: datetime, number: int = 0) -> str:
    """Format a time as connectors do: `Z` or an offset, with or without fractions of a second."""
    offset = _OFFSETS[number % len(_OFFSETS)]
    local = time.astimezone(timezone(offset))
    text = local.strftime("%Y-%m-%dT%H:%M:%S")
    if local.microsecond % 1000:
        text += f".{local.microsecond:06d}"
    elif local.microsecond or number % 7 == 3:
        text += f".{local.microsecond // 1000:03d}"
    return text + ("Z" if number % len(_OFFSETS) == 0 else local.strftime("%z")[:3] + ":" + local.strftime("%z")[3:])


def _as_text(value: object, number: int) -> str:
    if isinstance(value, datetime):
        return rfc_3339(value, number)
    return value.isoformat() if isinstance(value, date) else str(value)


def _as_float(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except ValueError:
        return math.nan


def _as_time(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None
