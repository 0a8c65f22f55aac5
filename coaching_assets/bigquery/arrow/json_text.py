"""Writes values of STRUCT and ARRAY columns as JSON text.

BigQuery's types in JSON:

- INT64, NUMERIC, BIGNUMERIC and FLOAT64 are numbers with all their digits, because Postgres's `json` keeps any number
  exactly. FLOAT64's NaN and infinities are the strings "NaN", "Infinity" and "-Infinity".
- TIMESTAMP is "2024-05-06T07:08:09.123456Z", DATETIME the same without Z. BYTES are base64.
- A JSON value is copied unchanged.
"""

import math
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import simplejson

from coaching_assets.bigquery.arrow.text import REPLACEMENT, TEXT, range_text, scalar_text, without_escaped_nul
from coaching_assets.bigquery.tables import Field

ALL_DIGITS = Context(prec=80)
"""BIGNUMERIC has up to 77 digits."""


class JsonText:
    """A writer of JSON text. `replaced` counts the strings in which U+0000 became U+FFFD."""

    def __init__(self) -> None:
        """Start with a count of 0."""
        self.replaced = 0
        self._encoder = simplejson.JSONEncoder(use_decimal=True, ensure_ascii=False, separators=(",", ":"))

    def write(self, array: pa.Array, field: Field | None) -> pa.Array:
        """The JSON texts of the array's values, as a large_string array; null stays null."""
        texts = (
            None if value is None else self._encoder.encode(self._plain(value, field)) for value in array.to_pylist()
        )
        return pa.array(texts, TEXT)

    def _plain(self, value: Any, field: Field | None) -> Any:
        """The value as types that simplejson writes: dicts, lists, strings, numbers, booleans and None."""
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, list):
            element = Field(field.name, field.type, subfields=field.subfields) if field is not None else None
            return [self._plain(item, element) for item in value]
        if isinstance(value, dict):
            return self._plain_struct(value, field)
        if isinstance(value, str):
            return self._plain_string(value, field)
        if isinstance(value, Decimal):
            return _without_trailing_zeros(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else _float_name(value)
        return scalar_text(value)

    def _plain_struct(self, value: dict[str, Any], field: Field | None) -> Any:
        if field is not None and field.type == "RANGE":
            return range_text(value)
        subfields = {subfield.name: subfield for subfield in field.subfields} if field is not None else {}
        return {name: self._plain(child, subfields.get(name)) for name, child in value.items()}

    def _plain_string(self, value: str, field: Field | None) -> Any:
        is_json = field is not None and field.type == "JSON"
        text = without_escaped_nul(value) if is_json else value.replace("\0", REPLACEMENT)
        self.replaced += text != value
        return simplejson.RawJSON(text) if is_json else text


def _without_trailing_zeros(number: Decimal) -> Decimal:
    """1.5 in place of 1.500000000, and 100 in place of 1E+2."""
    shortest = number.normalize(ALL_DIGITS)
    exponent = shortest.as_tuple().exponent
    return shortest.quantize(Decimal(1), context=ALL_DIGITS) if isinstance(exponent, int) and exponent > 0 else shortest


def _float_name(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
