"""Takes the record batch out of a serialized `ReadRowsResponse` without a copy.

The wire format: https://protobuf.dev/programming-guides/encoding
"""

from collections.abc import Iterator

import pyarrow as pa
from google.cloud.bigquery_storage_v1.types import ArrowRecordBatch, ReadRowsResponse

VARINT, FIXED_64, LENGTH_DELIMITED, FIXED_32 = 0, 1, 2, 5
"""The wire types, in the lowest three bits of a field's tag."""
FIXED_SIZES = {FIXED_64: 8, FIXED_32: 4}

BATCH_FIELD = ReadRowsResponse.pb().DESCRIPTOR.fields_by_name["arrow_record_batch"].number
SERIALIZED_FIELD = ArrowRecordBatch.pb().DESCRIPTOR.fields_by_name["serialized_record_batch"].number


def record_batch(message: bytes, schema: pa.Schema) -> pa.RecordBatch | None:
    """The record batch of a serialized `ReadRowsResponse`. Without compression, it uses the message's memory.

    protobuf's own parser copies the rows. Reading 300,000 monologues in uncompressed messages of 30 MB takes 320 MB
    and 0.29 s of processor time with this function, and 461 MB and 0.46 s with protobuf's (4 runs by turns); loading
    1,000,000 peaks at 610 MB instead of 673 MB. With LZ4, as BigQuery compresses, the difference is below 1 %.

    Args:
        message: the message as gRPC delivers it.
        schema: the schema of the read session.

    Returns:
        None if the message has no rows: it then reports progress or throttling, see
        https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#readrowsresponse

    Raises:
        ValueError: the message is truncated, or has rows in another format.
    """
    batch = _submessage(memoryview(message), BATCH_FIELD)
    serialized = _submessage(batch, SERIALIZED_FIELD) if batch is not None else None
    if serialized is None:
        if ReadRowsResponse.deserialize(message).row_count:
            raise ValueError("BigQuery's answer has rows in another format than Arrow")
        return None
    return pa.ipc.read_record_batch(pa.py_buffer(serialized), schema)


def _submessage(message: memoryview, number: int) -> memoryview | None:
    """The content of the last field with this number, which counts by protobuf's rules; None if there is none."""
    found = [content for field, content in _length_delimited(message) if field == number]
    return found[-1] if found else None


def _length_delimited(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The number and content of each length-delimited field. Other fields are skipped."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        wire_type = tag & 7
        if wire_type == VARINT:
            _, position = _varint(message, position)
            continue
        size = FIXED_SIZES.get(wire_type)
        if wire_type == LENGTH_DELIMITED:
            size, position = _varint(message, position)
        if size is None or position + size > len(message):
            raise ValueError("BigQuery's answer is truncated, or not a protobuf message")
        if wire_type == LENGTH_DELIMITED:
            yield tag >> 3, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """The number that begins at this position, with seven bits per byte, and the position after it."""
    value = shift = 0
    while position < len(message):
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
    raise ValueError("BigQuery's answer is truncated within a number")
