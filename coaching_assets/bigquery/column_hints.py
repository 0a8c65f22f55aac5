"""dlt's column hints for BigQuery's types, and so the column types of the replica.

| BigQuery | Postgres | note |
| --- | --- | --- |
| STRING, GEOGRAPHY, INTERVAL, RANGE | `varchar` | BigQuery's own text; U+0000 becomes U+FFFD |
| INT64, BOOL, FLOAT64, BYTES | `bigint`, `boolean`, `double precision`, `bytea` | NaN and infinities included |
| NUMERIC, BIGNUMERIC | `numeric(38,9)`, `numeric(77,38)` | BIGNUMERIC has up to 77 digits |
| TIMESTAMP, DATETIME | `timestamp (6) with`, `without time zone` | years 1 to 9999, microseconds |
| DATE, TIME | `date`, `time (6)` | |
| JSON, STRUCT, ARRAY | `json` | see `arrow.json_text`; a null ARRAY becomes `[]`, as BigQuery returns it |

BigQuery's types: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types
"""

from collections.abc import Sequence
from typing import Any

from coaching_assets.bigquery.tables import Field

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
"""By BigQuery type. A type that is not listed becomes text."""


def column_hints(fields: Sequence[Field]) -> dict[str, dict[str, Any]]:
    """dlt's hints by column name. All columns are nullable, because Fivetran's re-syncs violate REQUIRED."""
    return {
        field.name: {**(JSON_HINT if field.repeated else HINTS.get(field.type, HINTS["STRING"])), "nullable": True}
        for field in fields
    }
