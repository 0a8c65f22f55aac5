"""Writes Arrow values as text, in the form that BigQuery's own casts and exports have.

Interval and range literals: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#literals
"""

import base64
import struct
from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.large_string()
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
MONTH_DAY_NANO = struct.Struct("<iiq")
NANOSECONDS_IN_SECOND = 10**9

Array: TypeAlias = pa.Array
"""Any of pyarrow's arrays."""


def scalar_text(array: Array) -> Array:
    """The text of dates, times, bytes and intervals, without quotation marks."""
    kind = array.type
    if pa.types.is_timestamp(kind):
        return pc.replace_substring(array.cast(TEXT), " ", "T")
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return each_value(array, lambda value: base64.b64encode(value).decode("ascii"))
    if kind == pa.month_day_nano_interval():
        return interval_text(array)
    return array.cast(TEXT)


def plain_decimal(array: Array) -> Array:
    """Decimals without trailing zeros: 1.5, not 1.500000000."""
    text = array.cast(TEXT)
    fraction = pc.replace_substring_regex(text, r"(\.[0-9]*[1-9])0+$", r"\1")
    return pc.replace_substring_regex(pc.replace_substring_regex(fraction, r"\.0+$", ""), r"^(-?0)E-[0-9]+$", "0")


def interval_text(array: Array) -> Array:
    """INTERVALs as BigQuery writes them: `years-months days hours:minutes:seconds.fraction`, each with its sign."""
    data, valid = array.buffers()[1], array.is_valid().to_pylist()
    texts: list[str | None] = []
    for index in range(len(array)):
        if not valid[index]:
            texts.append(None)
            continue
        months, days, nanoseconds = MONTH_DAY_NANO.unpack_from(data, (index + array.offset) * MONTH_DAY_NANO.size)
        texts.append(_interval(months, days, nanoseconds))
    return pa.array(texts, TEXT)


def _interval(months: int, days: int, nanoseconds: int) -> str:
    years, rest = divmod(abs(months), 12)
    seconds, fraction = divmod(abs(nanoseconds), NANOSECONDS_IN_SECOND)
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    date, time = "-" * (months < 0), "-" * (nanoseconds < 0)
    clock = f"{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}{digits}"
    return f"{date}{years}-{rest} {days} {time}{clock}"


def range_text(array: Array) -> Array:
    """RANGEs as BigQuery writes them: `[start, end)`, with UNBOUNDED for an open end."""
    start, end = (pc.fill_null(scalar_text(bound), scalar("UNBOUNDED")) for bound in array.flatten())
    joined = pc.binary_join_element_wise(scalar("["), start, scalar(", "), end, scalar(")"), scalar(""))
    return pc.if_else(array.is_valid(), joined, scalar(None))


def without_nul(text: Array, *, escaped: bool = False) -> tuple[Array, int]:
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
    return each_value(text, _without_escaped_nul).cast(text.type), count


def _has_zero_byte(text: Array) -> bool:
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


def _without_escaped_nul(value: str) -> str:
    # In "\\u0000" (two backslashes) the backslash itself is escaped, so this is not U+0000.
    parts = value.split("\\\\")
    return "\\\\".join(part.replace("\\u0000", REPLACEMENT) for part in parts)


def each_value(array: Array, convert: Callable[[Any], str]) -> Array:
    """Convert value by value, in Python; null stays null."""
    return pa.array((None if value is None else convert(value) for value in array.to_pylist()), TEXT)


def scalar(value: str | None) -> Any:
    """The value as a scalar of type TEXT, for pyarrow's functions."""
    return pa.scalar(value, TEXT)
