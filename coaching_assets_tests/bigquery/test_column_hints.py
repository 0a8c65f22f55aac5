"""The column type of the replica for each type of BigQuery."""

from typing import Any

import pytest

from coaching_assets.bigquery.column_hints import column_hints
from coaching_assets.bigquery.tables import Field

JSON, TEXT = {"data_type": "json"}, {"data_type": "text"}
CASES: dict[str, tuple[Field, dict[str, Any]]] = {
    "text": (Field("x", "STRING"), TEXT),
    "bytes": (Field("x", "BYTES"), {"data_type": "binary"}),
    "integer": (Field("x", "INT64"), {"data_type": "bigint"}),
    "float": (Field("x", "FLOAT64"), {"data_type": "double"}),
    "boolean": (Field("x", "BOOL"), {"data_type": "bool"}),
    "38 digits": (Field("x", "NUMERIC"), {"data_type": "decimal", "precision": 38, "scale": 9}),
    "77 digits": (Field("x", "BIGNUMERIC"), {"data_type": "decimal", "precision": 77, "scale": 38}),
    "a moment": (Field("x", "TIMESTAMP"), {"data_type": "timestamp", "timezone": True, "precision": 6}),
    "a local time": (Field("x", "DATETIME"), {"data_type": "timestamp", "timezone": False, "precision": 6}),
    "a date": (Field("x", "DATE"), {"data_type": "date"}),
    "a time of day": (Field("x", "TIME"), {"data_type": "time", "precision": 6}),
    "JSON": (Field("x", "JSON"), JSON),
    "a struct": (Field("x", "STRUCT", subfields=(Field("y", "INT64"),)), JSON),
    "an array of integers": (Field("x", "INT64", "REPEATED"), JSON),
    "an array of structs": (Field("x", "STRUCT", "REPEATED"), JSON),
    "geography": (Field("x", "GEOGRAPHY"), TEXT),
    "an interval": (Field("x", "INTERVAL"), TEXT),
    "a range": (Field("x", "RANGE"), TEXT),
    "a type of the future": (Field("x", "TENSOR"), TEXT),
    "a required column": (Field("x", "INT64", "REQUIRED"), {"data_type": "bigint"}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_type_has_a_hint_and_no_column_is_required(case: str) -> None:
    field, hint = CASES[case]
    assert column_hints([field]) == {"x": hint | {"nullable": True}}
