"""Arrow batches as dlt and Postgres take them."""

import pyarrow as pa
import pytest

from coaching_assets.bigquery.arrow.batches import to_loadable
from coaching_assets.bigquery.arrow.text import without_nul
from coaching_assets.bigquery.tables import Field


def test_dictionaries_slices_and_views_load_as_plain_values() -> None:
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(["x", "y", None, "x"]).dictionary_encode(),
            pa.array([[1], None, [2, 3], []], pa.list_(pa.int64())),
            pa.array([pa.MonthDayNano([0, 1, 0]), None, pa.MonthDayNano([13, 0, -500_000_000]), None]),
            pa.array(["a", "b", "c\0", None], pa.string_view()),
        ],
        ["word", "list", "span", "view"],
    )
    fields = (Field("word", "STRING"), Field("list", "INT64", "REPEATED"), Field("span", "INTERVAL"))
    loadable = to_loadable(batch.slice(1, 3), fields)
    assert loadable.to_pydict() == {
        "word": ["y", None, "x"],
        "list": ["[]", "[2,3]", "[]"],
        "span": [None, "1-1 0 -0:0:0.5", None],
        "view": ["b", "c\ufffd", None],
    }


def test_replaced_characters_are_counted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(["a\0", "b", "\0\0"])], ["note"])
    to_loadable(batch, [Field("note", "STRING")])
    assert "Column note" in caplog.text and "2 values" in caplog.text


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_characters_outside_a_slice_are_ignored(kind: pa.DataType) -> None:
    texts = pa.array(["a\0", "", None, "b", "\0", "c"], kind)
    sliced = [without_nul(texts.slice(start, count)) for start, count in ((1, 3), (0, 2), (3, 2), (6, 0))]
    assert [(array.to_pylist(), replaced) for array, replaced in sliced] == [
        (["", None, "b"], 0),
        (["a\ufffd", ""], 1),
        (["b", "\ufffd"], 1),
        ([], 0),
    ]
