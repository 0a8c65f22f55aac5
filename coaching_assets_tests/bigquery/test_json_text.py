"""Nested values as JSON text, type by type."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from coaching_assets.bigquery.arrow.json_text import JsonText
from coaching_assets.bigquery.tables import Field

NOON = dt.datetime(2024, 5, 6, 12)

CASES = [
    (pa.int64(), "INT64", 2**63 - 1, "9223372036854775807"),
    (pa.bool_(), "BOOL", True, "true"),
    (pa.decimal128(38, 9), "NUMERIC", Decimal("1.5"), "1.5"),
    (pa.decimal128(38, 9), "NUMERIC", Decimal("100"), "100"),
    (pa.decimal128(38, 9), "NUMERIC", Decimal("0"), "0"),
    (pa.decimal128(38, 9), "NUMERIC", Decimal("12345678901234567890123456789.123456789"), None),
    (pa.decimal256(76, 38), "BIGNUMERIC", Decimal("9" * 38 + "." + "9" * 38), None),
    (pa.float64(), "FLOAT64", 0.1 + 0.2, "0.30000000000000004"),
    (pa.float64(), "FLOAT64", float("nan"), '"NaN"'),
    (pa.float64(), "FLOAT64", float("inf"), '"Infinity"'),
    (pa.float64(), "FLOAT64", float("-inf"), '"-Infinity"'),
    (pa.timestamp("us", "UTC"), "TIMESTAMP", NOON.replace(tzinfo=dt.UTC), '"2024-05-06T12:00:00.000000Z"'),
    (pa.timestamp("us"), "DATETIME", NOON, '"2024-05-06T12:00:00.000000"'),
    (pa.date32(), "DATE", dt.date(1, 1, 1), '"0001-01-01"'),
    (pa.time64("us"), "TIME", dt.time(1, 2, 3), '"01:02:03.000000"'),
    (pa.binary(), "BYTES", b"\0\xff", '"AP8="'),
    (pa.string(), "STRING", 'a "quote" \\ \n é', '"a \\"quote\\" \\\\ \\n é"'),
    (pa.string(), "JSON", '{"a": 1.50}', '{"a": 1.50}'),
    (pa.month_day_nano_interval(), "INTERVAL", pa.MonthDayNano([14, 3, 1_500_000_000]), '"1-2 3 0:0:1.5"'),
    (pa.int64(), "INT64", None, "null"),
]


@pytest.mark.parametrize(
    ("kind", "declared", "value", "expected"), CASES, ids=[f"{case[1]}-{n}" for n, case in enumerate(CASES)]
)
def test_a_value_in_arrays_and_structs(kind: pa.DataType, declared: str, value: Any, expected: str | None) -> None:
    text = expected or str(value)
    array = pa.array([[value, value], [], None], pa.list_(kind))
    found = JsonText().write(array, Field("many", declared, "REPEATED"))
    assert found.to_pylist() == [f"[{text},{text}]", "[]", None]
    struct = pa.array([{"a": value}, None], pa.struct([("a", kind)]))
    found = JsonText().write(struct, Field("record", "STRUCT", subfields=(Field("a", declared),)))
    assert found.to_pylist() == [f'{{"a":{text}}}', None]


def test_nested_ranges_have_bigquerys_text() -> None:
    bounds = pa.struct([("start", pa.date32()), ("end", pa.date32())])
    array = pa.array([[{"start": dt.date(2020, 1, 1), "end": None}]], pa.list_(bounds))
    found = JsonText().write(array, Field("days", "RANGE", "REPEATED"))
    assert found.to_pylist() == ['["[2020-01-01, UNBOUNDED)"]']


def test_replaced_strings_are_counted() -> None:
    writer = JsonText()
    texts = writer.write(pa.array([["a\0", "b"], ["\0"]], pa.list_(pa.string())), Field("texts", "STRING", "REPEATED"))
    assert (texts.to_pylist(), writer.replaced) == (['["a\ufffd","b"]', '["\ufffd"]'], 2)
    documents = pa.array([['"a\\u0000"', '"\\\\u0000"']], pa.list_(pa.string()))
    assert writer.write(documents, Field("documents", "JSON", "REPEATED")).to_pylist() == ['["a\ufffd","\\\\u0000"]']
    assert writer.replaced == 3
