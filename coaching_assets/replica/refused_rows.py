"""Writes the rows that a copy into a staging table refused to `coaching_sync.refused_rows`, as text."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from coaching_assets.replica.isolation import Refused

if TYPE_CHECKING:
    from pyarrow import Array, RecordBatch, Scalar

LONGEST_VALUE = 1 << 20
"""Characters of a value that is kept. A longer one is left out, so that the record itself fits."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def refused_batch(schema: str, table: str, refused: Sequence[Refused]) -> "RecordBatch":
    """Return the refused rows of a staging table as rows of `coaching_sync.refused_rows`."""
    import pyarrow as pa

    rows = [_as_text(each.row) for each in refused]
    columns: dict[str, list[str | None]] = {
        "staging_schema": [schema] * len(rows),
        "staging_table": [table] * len(rows),
        "load_id": [row.get("_dlt_load_id") for row in rows],
        "source_row": [json.dumps(row, ensure_ascii=False) for row in rows],
        "refused_column": [each.cause.column for each in refused],
        "reason": [each.cause.message for each in refused],
        "sqlstate": [each.cause.sqlstate for each in refused],
        "constraint_name": [each.cause.constraint for each in refused],
    }
    return pa.record_batch({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _as_text(row: "RecordBatch") -> dict[str, str | None]:
    """One row's values as text that Postgres's types accept, without values that are too long.

    None means null, or a value that has no text.
    """
    named = zip(row.schema.names, row.columns, strict=True)
    texts = ((name, _text(column)) for name, column in named)
    return {name: text for name, text in texts if text is None or len(text) <= LONGEST_VALUE}


def _text(column: "Array") -> str | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    value: Scalar = column[0]
    if not value.is_valid:
        return None
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        # Postgres may have refused the bytes, which Arrow does not check
        return bytes(value.as_buffer()).decode(errors="replace").replace("\0", REPLACEMENT)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return f"\\x{value.as_py().hex()}"
    try:
        return str(pc.cast(value, pa.string()).as_py())
    except pa.ArrowException:
        return None
