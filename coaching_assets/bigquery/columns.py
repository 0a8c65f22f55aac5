"""Converts one column of a batch into a type that dlt's parquet writer and Postgres's COPY take; see `arrow`."""

import pyarrow as pa

from coaching_assets.bigquery.json_text import TEXT, JsonText, interval_text, is_list, range_text, without_nul
from coaching_assets.bigquery.metadata import Field

DECIMALS = {"NUMERIC": pa.decimal128(38, 9), "BIGNUMERIC": pa.decimal256(76, 38)}
EMPTY_ARRAY = "[]"


def loadable(array: pa.Array, field: Field | None) -> tuple[pa.Array, int]:
    """The converted column, and in how many of its values U+0000 was replaced."""
    array = plain(array)
    kind = array.type
    is_json = field is not None and field.type == "JSON"
    if field is not None and field.type == "RANGE" and pa.types.is_struct(kind):
        return range_text(array), 0
    if pa.types.is_nested(kind):
        writer = JsonText()
        text = writer.write(array, field)
        return (text.fill_null(EMPTY_ARRAY) if is_list(kind) else text), writer.replaced
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return without_nul(array, escaped=is_json)
    if kind == pa.month_day_nano_interval():
        return interval_text(array), 0
    if field is not None and field.type == "GEOGRAPHY" and pa.types.is_binary(kind):
        # BigQuery sends WKT. An emulator may send WKB, whose hexadecimal form is what PostGIS writes.
        return pa.array([None if value is None else value.hex() for value in array.to_pylist()], TEXT), 0
    if field is not None and field.type in DECIMALS and pa.types.is_decimal(kind):
        return array.cast(DECIMALS[field.type]), 0
    return array, 0


def plain(array: pa.Array) -> pa.Array:
    """The array without dictionary, extension type or view."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_string_view(array.type):
        return array.cast(TEXT)
    if pa.types.is_binary_view(array.type):
        return array.cast(pa.large_binary())
    return array
