"""Writes Arrow values as JSON text, exactly and without going through Python values.

BigQuery's types in JSON: INT64, NUMERIC, BIGNUMERIC and FLOAT64 are numbers with all their digits, for Postgres's JSON
keeps any number exactly; FLOAT64's NaN and infinities are the strings "NaN", "Infinity" and "-Infinity"; TIMESTAMP is
"2024-05-06T07:08:09.123456Z", DATETIME the same without Z, BYTES base64; a JSON value stands as it is.
"""

import base64
import json
import struct
from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from coaching_assets.bigquery.metadata import Field

TEXT = pa.large_string()
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
CONTROL_CHARACTERS = tuple(chr(code) for code in range(1, 0x20))
MONTH_DAY_NANO = struct.Struct("<iiq")
NANOSECONDS_IN_SECOND = 10**9

Array: TypeAlias = pa.Array
"""Any of pyarrow's arrays."""


class JsonText:
    """A writer of JSON text; `replaced` counts the strings in which U+0000 became U+FFFD, for Postgres stores none."""

    def __init__(self) -> None:
        """A writer that has replaced nothing yet."""
        self.replaced = 0

    def write(self, array: Array, field: Field | None) -> Array:
        """A large_string array of JSON texts; null stays null."""
        kind = array.type
        if field is not None and field.type == "RANGE" and pa.types.is_struct(kind):
            return quote(range_text(array))
        if pa.types.is_struct(kind):
            return self._struct(array, field)
        if is_list(kind):
            return self._list(array, field)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            text, count = without_nul(array.cast(TEXT), escaped=field is not None and field.type == "JSON")
            self.replaced += count
            return text if field is not None and field.type == "JSON" else quote(text)
        return scalar_json(array)

    def _struct(self, array: Array, field: Field | None) -> Array:
        subfields = {subfield.name: subfield for subfield in field.subfields} if field is not None else {}
        parts: list[Any] = []
        for index, child in enumerate(array.flatten()):
            name = array.type.field(index).name
            parts.append(_text(("," if index else "{") + json.dumps(name, ensure_ascii=False) + ":"))
            parts.append(pc.fill_null(self.write(child, subfields.get(name)), _text("null")))
        if not parts:
            parts = [pa.array(["{"] * len(array), TEXT)]
        joined = pc.binary_join_element_wise(*parts, _text("}"), _text(""))
        return pc.if_else(array.is_valid(), joined, _text(None))

    def _list(self, array: Array, field: Field | None) -> Array:
        element = Field(field.name, field.type, subfields=field.subfields) if field is not None else None
        texts = pc.fill_null(self.write(array.flatten(), element), _text("null"))
        lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
        offsets = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths)])
        joined = pc.binary_join(pa.LargeListArray.from_arrays(offsets, texts), _text(","))
        wrapped = pc.binary_join_element_wise(_text("["), joined, _text("]"), _text(""))
        return pc.if_else(array.is_valid(), wrapped, _text(None))


def scalar_json(array: Array) -> Array:
    """JSON texts of values that are neither nested nor text."""
    kind = array.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind):
        return array.cast(TEXT)
    if pa.types.is_decimal(kind):
        return plain_decimal(array)
    if pa.types.is_floating(kind):
        named = array.cast(TEXT)
        for spelled, name in (("nan", '"NaN"'), ("inf", '"Infinity"'), ("-inf", '"-Infinity"')):
            named = pc.if_else(pc.equal(named, _text(spelled)), _text(name), named)
        return named
    return quote(scalar_text(array))


def scalar_text(array: Array) -> Array:
    """The text of dates, times, bytes and intervals, without quotation marks."""
    kind = array.type
    if pa.types.is_timestamp(kind):
        return pc.replace_substring(array.cast(TEXT), " ", "T")
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _by_value(array, lambda value: base64.b64encode(value).decode("ascii"))
    if kind == pa.month_day_nano_interval():
        return interval_text(array)
    return array.cast(TEXT)


def plain_decimal(array: Array) -> Array:
    """Decimals with the digits that count: 1.5, not 1.500000000."""
    text = array.cast(TEXT)
    fraction = pc.replace_substring_regex(text, r"(\.[0-9]*[1-9])0+$", r"\1")
    return pc.replace_substring_regex(pc.replace_substring_regex(fraction, r"\.0+$", ""), r"^(-?0)E-[0-9]+$", "0")


def quote(text: Array) -> Array:
    """Texts as JSON strings."""
    escaped = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
    if pc.any(pc.match_substring_regex(escaped, r"[\x01-\x1f]")).as_py():
        for character in CONTROL_CHARACTERS:
            escaped = pc.replace_substring(escaped, character, json.dumps(character)[1:-1])
    return pc.binary_join_element_wise(_text('"'), escaped, _text('"'), _text(""))


def without_nul(text: Array, *, escaped: bool = False) -> tuple[Array, int]:
    """The texts with U+FFFD for U+0000, and how many were touched.

    Args:
        text: any array of strings.
        escaped: the texts are JSON, where U+0000 stands as an escape that Postgres's `jsonb` refuses.
    """
    if not escaped and not _has_zero_byte(text):
        return text, 0
    touched = pc.match_substring(text, "\\u0000" if escaped else "\0")
    count: int = pc.sum(touched).as_py() or 0
    if count == 0:
        return text, 0
    if not escaped:
        return pc.replace_substring(text, "\0", REPLACEMENT), count
    return _by_value(text, _without_escaped_nul).cast(text.type), count


def _has_zero_byte(text: Array) -> bool:
    """Whether there is a zero among the texts' bytes, which in UTF-8 is U+0000 and nothing else.

    Hardly any column has one, and looking at all bytes at once is fifty times faster than at each text.
    """
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return False
    places = pa.int64() if pa.types.is_large_string(text.type) else pa.int32()
    ends = pa.Array.from_buffers(places, len(text) + 1, [None, offsets], offset=text.offset)
    start, end = ends[0].as_py(), ends[-1].as_py()
    used = pa.Array.from_buffers(pa.uint8(), end - start, [None, data], offset=start)
    return bool(pc.min(used).as_py() == 0)


def _without_escaped_nul(value: str) -> str:
    # An even number of backslashes before it are backslashes themselves, and then there is no escape.
    halves = value.split("\\\\")
    return "\\\\".join(half.replace("\\u0000", REPLACEMENT) for half in halves)


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
    """RANGEs as BigQuery writes them: `[start, end)`, with UNBOUNDED for an end that is open."""
    start, end = (pc.fill_null(scalar_text(bound), _text("UNBOUNDED")) for bound in array.flatten())
    joined = pc.binary_join_element_wise(_text("["), start, _text(", "), end, _text(")"), _text(""))
    return pc.if_else(array.is_valid(), joined, _text(None))


def is_list(kind: pa.DataType) -> bool:
    """Whether it is any of Arrow's list types."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _by_value(array: Array, change: Callable[[Any], str]) -> Array:
    return pa.array((None if value is None else change(value) for value in array.to_pylist()), TEXT)


def _text(value: str | None) -> Any:
    return pa.scalar(value, TEXT)
