"""Converts one column of a record batch."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from coaching_assets.bigquery.arrow.json_text import JsonText
from coaching_assets.bigquery.arrow.text import TEXT, interval_text, range_text, without_nul
from coaching_assets.bigquery.tables import Field

DECIMALS = {"NUMERIC": pa.decimal128(38, 9), "BIGNUMERIC": pa.decimal256(76, 38)}
EMPTY_ARRAY = "[]"


def loadable(array: pa.Array, field: Field | None) -> tuple[pa.Array, int]:
    """The converted column, and the number of values in which U+0000 was replaced.

    Args:
        array: the column of a batch.
        field: its field; None converts by the Arrow type alone.
    """
    array = plain(array)
    kind = array.type
    declared = field.type if field is not None else None
    if declared == "RANGE" and pa.types.is_struct(kind):
        return _each(array, range_text), 0
    if pa.types.is_nested(kind):
        writer = JsonText()
        text = writer.write(array, field)
        return (text if pa.types.is_struct(kind) else text.fill_null(EMPTY_ARRAY)), writer.replaced
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return without_nul(array, escaped=declared == "JSON")
    if kind == pa.month_day_nano_interval():
        return _each(array, interval_text), 0
    if declared == "GEOGRAPHY" and pa.types.is_binary(kind):
        # BigQuery sends WKT. An emulator may send WKB, which PostGIS writes in hexadecimal.
        return _each(array, bytes.hex), 0
    if declared in DECIMALS and pa.types.is_decimal(kind):
        return array.cast(DECIMALS[declared]), 0
    return array, 0


def plain(array: pa.Array) -> pa.Array:
    """The array without dictionary encoding, extension type or view type."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_string_view(array.type):
        return array.cast(TEXT)
    if pa.types.is_binary_view(array.type):
        return array.cast(pa.large_binary())
    return array


def _each(array: pa.Array, text_of: Callable[[Any], str]) -> pa.Array:
    return pa.array((None if value is None else text_of(value) for value in array.to_pylist()), TEXT)
