"""Record batches in serialized responses, compared with protobuf's own parser."""

import pyarrow as pa
import pytest
from google.cloud.bigquery_storage_v1.types import ArrowRecordBatch, ArrowSchema, ReadRowsResponse, StreamStats
from hypothesis import given, settings
from hypothesis import strategies as st

from coaching_assets.bigquery.messages import record_batch

BATCH = pa.RecordBatch.from_pydict({"text": ["a", None, "ü"], "number": [1, -(2**40), None]})
SERIALIZED = BATCH.serialize().to_pybytes()


def answer(**fields: object) -> bytes:
    rows = ArrowRecordBatch(serialized_record_batch=SERIALIZED, row_count=3)
    return bytes(ReadRowsResponse.serialize(ReadRowsResponse(arrow_record_batch=rows, **fields)))


@settings(deadline=None)
@given(
    st.integers(0, 2**63 - 1),
    st.binary(max_size=300),
    st.floats(0, 1, allow_subnormal=False),
    st.integers(0, 2**63 - 1),
)
def test_other_fields_are_skipped(rows: int, schema: bytes, progress: float, size: int) -> None:
    message = answer(
        row_count=rows,
        arrow_schema=ArrowSchema(serialized_schema=schema),
        stats=StreamStats(progress=StreamStats.Progress(at_response_start=progress)),
        uncompressed_byte_size=size,
    )
    assert record_batch(message, BATCH.schema).equals(BATCH)


def test_the_rows_are_not_copied() -> None:
    message = answer()
    held = pa.py_buffer(message)
    places = [b.address for column in record_batch(message, BATCH.schema) for b in column.buffers() if b is not None]
    assert all(held.address <= place < held.address + held.size for place in places)


@pytest.mark.parametrize("missing", [1, 2, len(SERIALIZED)])
def test_a_truncated_message_is_an_error(missing: int) -> None:
    with pytest.raises(ValueError, match="truncated"):
        record_batch(answer()[:-missing], BATCH.schema)


@pytest.mark.parametrize("response", [ReadRowsResponse(), ReadRowsResponse(throttle_state={"throttle_percent": 50})])
def test_a_message_without_rows_has_no_batch(response: ReadRowsResponse) -> None:
    assert record_batch(bytes(ReadRowsResponse.serialize(response)), BATCH.schema) is None


def test_rows_in_another_format_are_an_error() -> None:
    message = bytes(ReadRowsResponse.serialize(ReadRowsResponse(row_count=3)))
    with pytest.raises(ValueError, match="another format"):
        record_batch(message, BATCH.schema)
