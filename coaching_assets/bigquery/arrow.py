"""Makes BigQuery's Arrow batches loadable: types that dlt's parquet writer and Postgres's COPY take, without loss.

| BigQuery | Postgres | |
| --- | --- | --- |
| STRING, GEOGRAPHY, INTERVAL, RANGE | `varchar` | as BigQuery writes them; U+0000 becomes U+FFFD |
| INT64, BOOL, FLOAT64, BYTES | `bigint`, `boolean`, `double precision`, `bytea` | NaN and infinities included |
| NUMERIC, BIGNUMERIC | `numeric(38,9)`, `numeric(77,38)` | BigQuery's 77th digit needs its place |
| TIMESTAMP, DATETIME | `timestamp (6) with`, `without time zone` | 0001 to 9999, microseconds |
| DATE, TIME | `date`, `time (6)` | |
| JSON, STRUCT, ARRAY | `json` | see `json_text`; a missing ARRAY is `[]`, as in BigQuery |
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from coaching_assets.bigquery.metadata import Field

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

JSON_HINT: dict[str, Any] = {"data_type": "json"}
HINTS: dict[str, dict[str, Any]] = {
    "STRING": {"data_type": "text"},
    "BYTES": {"data_type": "binary"},
    "INT64": {"data_type": "bigint"},
    "FLOAT64": {"data_type": "double"},
    "NUMERIC": {"data_type": "decimal", "precision": 38, "scale": 9},
    "BIGNUMERIC": {"data_type": "decimal", "precision": 77, "scale": 38},
    "BOOL": {"data_type": "bool"},
    "TIMESTAMP": {"data_type": "timestamp", "timezone": True, "precision": 6},
    "DATETIME": {"data_type": "timestamp", "timezone": False, "precision": 6},
    "DATE": {"data_type": "date"},
    "TIME": {"data_type": "time", "precision": 6},
    "JSON": JSON_HINT,
    "STRUCT": JSON_HINT,
}
"""dlt's column hints by BigQuery type; a type that is not here becomes text."""


def column_hints(fields: Sequence[Field]) -> dict[str, dict[str, Any]]:
    """dlt's hints for the columns, by name. All may be null: Fivetran's re-syncs do not keep to REQUIRED."""
    return {
        field.name: {**(JSON_HINT if field.repeated else HINTS.get(field.type, HINTS["STRING"])), "nullable": True}
        for field in fields
    }


def to_loadable(batch: "pa.RecordBatch", fields: Sequence[Field]) -> "pa.RecordBatch":
    """The batch with the same columns and rows, in types that load into Postgres without loss.

    Text with U+0000, which Postgres cannot store, is changed and logged as a warning.

    Args:
        batch: as `read` yields them.
        fields: of the table's description; columns that are not among them are converted by their Arrow type.
    """
    import pyarrow as pa

    from coaching_assets.bigquery.columns import loadable

    known = {field.name: field for field in fields}
    columns: list[pa.Array] = []
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        converted, replaced = loadable(array, known.get(name))
        if replaced:
            logger.warning("Column %s: U+0000 became U+FFFD in %d values; Postgres cannot store it.", name, replaced)
        columns.append(converted)
    schema = pa.schema([pa.field(name, array.type) for name, array in zip(batch.schema.names, columns, strict=True)])
    return pa.RecordBatch.from_arrays(columns, schema=schema)
