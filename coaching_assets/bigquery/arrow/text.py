"""Writes single values as text, in the form that BigQuery's own casts have, and removes U+0000 from columns of text.

Formats: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#literals
"""

import base64
import datetime as dt
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.large_string()
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
NANOSECONDS_IN_SECOND = 10**9


def scalar_text(value: Any) -> str:
    """The text of a date, time, timestamp, interval or bytes: ISO 8601, BigQuery's intervals, base64."""
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, dt.time):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, pa.MonthDayNano):
        return interval_text(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)


def interval_text(interval: "pa.MonthDayNano") -> str:
    """An INTERVAL as BigQuery writes it: `years-months days hours:minutes:seconds.fraction`, each with its sign."""
    years, months = divmod(abs(interval.months), 12)
    seconds, fraction = divmod(abs(interval.nanoseconds), NANOSECONDS_IN_SECOND)
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    date_sign, time_sign = "-" * (interval.months < 0), "-" * (interval.nanoseconds < 0)
    clock = f"{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}{digits}"
    return f"{date_sign}{years}-{months} {interval.days} {time_sign}{clock}"


def range_text(bounds: dict[str, Any]) -> str:
    """A RANGE as BigQuery writes it: `[start, end)`, with UNBOUNDED for an open end."""
    start, end = ("UNBOUNDED" if bound is None else scalar_text(bound) for bound in bounds.values())
    return f"[{start}, {end})"


def without_nul(text: pa.Array, *, escaped: bool = False) -> tuple[pa.Array, int]:
    """The texts with U+FFFD in place of U+0000, and the number of texts that changed.

    Args:
        text: an array of strings.
        escaped: the texts are JSON, in which U+0000 is an escape that Postgres's `jsonb` rejects:
            https://www.postgresql.org/docs/current/datatype-json.html
    """
    if not escaped and not _has_zero_byte(text):
        return text, 0
    found = pc.match_substring(text, "\\u0000" if escaped else "\0")
    count: int = pc.sum(found).as_py() or 0
    if count == 0:
        return text, 0
    if not escaped:
        return pc.replace_substring(text, "\0", REPLACEMENT), count
    values = (None if value is None else without_escaped_nul(value) for value in text.to_pylist())
    return pa.array(values, text.type), count


def without_escaped_nul(value: str) -> str:
    """A JSON text with U+FFFD in place of the escape of U+0000."""
    # In "\\u0000" (two backslashes) the backslash itself is escaped, so this is not U+0000.
    parts = value.split("\\\\")
    return "\\\\".join(part.replace("\\u0000", REPLACEMENT) for part in parts)


def _has_zero_byte(text: pa.Array) -> bool:
    """Whether the texts' bytes include a zero, which in UTF-8 encodes U+0000 and nothing else.

    Hardly any column has one, and scanning all bytes at once is fifty times faster than searching each text.
    """
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return False
    offset_type = pa.int64() if pa.types.is_large_string(text.type) else pa.int32()
    ends = pa.Array.from_buffers(offset_type, len(text) + 1, [None, offsets], offset=text.offset)
    start, end = ends[0].as_py(), ends[-1].as_py()
    used = pa.Array.from_buffers(pa.uint8(), end - start, [None, data], offset=start)
    return bool(pc.min(used).as_py() == 0)
