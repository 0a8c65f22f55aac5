"""Writes nested Arrow values as JSON text, with all digits and without going through Python values.

BigQuery's types in JSON:

- INT64, NUMERIC, BIGNUMERIC and FLOAT64 are numbers with all their digits, because Postgres's `json` keeps any number
  exactly. FLOAT64's NaN and infinities are the strings "NaN", "Infinity" and "-Infinity".
- TIMESTAMP is "2024-05-06T07:08:09.123456Z", DATETIME the same without Z. BYTES are base64.
- A JSON value is copied unchanged.
"""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from coaching_assets.bigquery.arrow.text import (
    TEXT,
    Array,
    plain_decimal,
    range_text,
    scalar,
    scalar_text,
    without_nul,
)
from coaching_assets.bigquery.tables import Field

CONTROL_CHARACTERS = tuple(chr(code) for code in range(1, 0x20))
NAMED_FLOATS = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}


class JsonText:
    """A writer of JSON text. `replaced` counts the strings in which U+0000 became U+FFFD."""

    def __init__(self) -> None:
        """Start with a count of 0."""
        self.replaced = 0

    def write(self, array: Array, field: Field | None) -> Array:
        """The JSON texts of the array's values, as a large_string array; null stays null."""
        kind = array.type
        if field is not None and field.type == "RANGE" and pa.types.is_struct(kind):
            return quote(range_text(array))
        if pa.types.is_struct(kind):
            return self._struct(array, field)
        if is_list(kind):
            return self._list(array, field)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            is_json = field is not None and field.type == "JSON"
            text, count = without_nul(array.cast(TEXT), escaped=is_json)
            self.replaced += count
            return text if is_json else quote(text)
        return scalar_json(array)

    def _struct(self, array: Array, field: Field | None) -> Array:
        subfields = {subfield.name: subfield for subfield in field.subfields} if field is not None else {}
        parts: list[Any] = []
        for index, child in enumerate(array.flatten()):
            name = array.type.field(index).name
            parts.append(scalar(("," if index else "{") + json.dumps(name, ensure_ascii=False) + ":"))
            parts.append(pc.fill_null(self.write(child, subfields.get(name)), scalar("null")))
        if not parts:
            parts = [pa.array(["{"] * len(array), TEXT)]
        joined = pc.binary_join_element_wise(*parts, scalar("}"), scalar(""))
        return pc.if_else(array.is_valid(), joined, scalar(None))

    def _list(self, array: Array, field: Field | None) -> Array:
        element = Field(field.name, field.type, subfields=field.subfields) if field is not None else None
        texts = pc.fill_null(self.write(array.flatten(), element), scalar("null"))
        lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
        offsets = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths)])
        joined = pc.binary_join(pa.LargeListArray.from_arrays(offsets, texts), scalar(","))
        wrapped = pc.binary_join_element_wise(scalar("["), joined, scalar("]"), scalar(""))
        return pc.if_else(array.is_valid(), wrapped, scalar(None))


def scalar_json(array: Array) -> Array:
    """The JSON texts of values that are neither nested nor strings."""
    kind = array.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind):
        return array.cast(TEXT)
    if pa.types.is_decimal(kind):
        return plain_decimal(array)
    if pa.types.is_floating(kind):
        texts = array.cast(TEXT)
        for arrow_name, json_name in NAMED_FLOATS.items():
            texts = pc.if_else(pc.equal(texts, scalar(arrow_name)), scalar(json_name), texts)
        return texts
    return quote(scalar_text(array))


def quote(text: Array) -> Array:
    """Texts as JSON strings."""
    escaped = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
    if pc.any(pc.match_substring_regex(escaped, r"[\x01-\x1f]")).as_py():
        for character in CONTROL_CHARACTERS:
            escaped = pc.replace_substring(escaped, character, json.dumps(character)[1:-1])
    return pc.binary_join_element_wise(scalar('"'), escaped, scalar('"'), scalar(""))


def is_list(kind: pa.DataType) -> bool:
    """Whether the type is any of Arrow's list types."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
