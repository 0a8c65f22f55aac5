"""Takes a record batch out of a `ReadRowsResponse` where it stands: parsed by protobuf, it would be copied twice more.

The wire format is protobuf's, https://protobuf.dev/programming-guides/encoding; the fields' numbers are asked
of Google's class.
"""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

VARINT, FIXED_64, LENGTH_DELIMITED, FIXED_32 = 0, 1, 2, 5
"""The wire types, in the lowest three bits of a field's tag."""
FIXED_SIZES = {FIXED_64: 8, FIXED_32: 4}


def record_batch(message: bytes, schema: "pa.Schema") -> "pa.RecordBatch":
    """The record batch of a serialized `ReadRowsResponse`; uncompressed, it lies in the message's memory.

    Args:
        message: as gRPC delivers it.
        schema: of the read session.

    Raises:
        ValueError: the message has no record batch, or is broken off.
    """
    import pyarrow as pa

    whole = memoryview(message)
    batch_field, serialized_field = _field_numbers()
    batch = _submessage(whole, batch_field)
    serialized = _submessage(batch, serialized_field)
    return pa.ipc.read_record_batch(pa.py_buffer(serialized), schema)


@cache
def _field_numbers() -> tuple[int, int]:
    from google.cloud.bigquery_storage_v1.types import ArrowRecordBatch, ReadRowsResponse

    response, batch = (kind.pb().DESCRIPTOR.fields_by_name for kind in (ReadRowsResponse, ArrowRecordBatch))
    return response["arrow_record_batch"].number, batch["serialized_record_batch"].number


def _submessage(message: memoryview, number: int) -> memoryview:
    """The content of the last field of this number, which is the one that counts."""
    found = [content for field, content in _length_delimited(message) if field == number]
    if not found:
        raise ValueError(f"BigQuery's answer has no field {number}, in which Arrow's rows were to come")
    return found[-1]


def _length_delimited(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields that have bytes, with their numbers; the others are passed over."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == VARINT:
            _, place = _varint(message, place)
            continue
        size = FIXED_SIZES.get(kind)
        if kind == LENGTH_DELIMITED:
            size, place = _varint(message, place)
        if size is None or place + size > len(message):
            raise ValueError("BigQuery's answer cannot be read: it is broken off, or no protobuf message")
        if kind == LENGTH_DELIMITED:
            yield tag >> 3, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """The number that begins at this place, seven bits a byte, and the place behind it."""
    value = shift = 0
    while place < len(message):
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise ValueError("BigQuery's answer cannot be read: it is broken off within a number")
