"""The replica column for each source column, also after a column changed its type.

A column that arrives with another type goes into a second column, `<column>__v_<type>`, which is dlt's own naming. The
views take the one that is not null. Without this, dlt would copy the values in binary form into the column of the old
type, which fails or stores other numbers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from coaching_assets.bigquery.column_hints import column_hints
from coaching_assets.bigquery.tables import Field
from coaching_assets.postgres.connection import Connection
from coaching_assets.schema_names import STAGING

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_NAME = 63
"""Postgres's limit for identifiers, in bytes."""

PLAIN_NAME = re.compile("_?[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Names that dlt does not change, such as Fivetran's. They need no import of dlt, which takes seconds."""

VARIANT = "__v_"

TEXT = "character varying"
POSTGRES_TYPES: Mapping[str, str] = {
    "text": TEXT,
    "bigint": "bigint",
    "double": "double precision",
    "bool": "boolean",
    "date": "date",
    "time": "time without time zone",
    "json": "json",
    "binary": "bytea",
}
"""Postgres types of dlt's types, except decimals and timestamps, which depend on precision and time zone."""


@dataclass(frozen=True)
class Placement:
    """The replica column for a source column, and dlt's hint for it. `as_text`: values are converted to text."""

    column: str
    hint: Mapping[str, Any]
    as_text: bool = False


def placements(
    database: Connection, schema: str, table: str, fields: Sequence[Field], key: Sequence[str]
) -> dict[str, Placement]:
    """Place each source column in the existing replica table.

    A key column stays one column: if its type changes, it becomes text.
    """
    existing = replica_columns(database, schema, table)
    hints = column_hints(fields)
    for name in key:
        if existing.get(name) not in (None, TEXT, postgres_type(hints.get(name, {"data_type": "text"}))):
            _make_text(database, schema, table, name)
            existing[name] = TEXT
    return {name: _placement(name, hint, existing, name in key) for name, hint in hints.items()}


def _placement(name: str, hint: Mapping[str, Any], existing: Mapping[str, str], is_key: bool) -> Placement:
    column = column_name(name)
    present = existing.get(column)
    if present is None or present == postgres_type(hint):
        return Placement(column, hint)
    if is_key:
        return Placement(column, {"data_type": "text", "nullable": True}, as_text=True)
    return Placement(f"{column}{VARIANT}{type_name(hint)}", hint)


def column_name(name: str) -> str:
    """Return dlt's name for a source column."""
    if PLAIN_NAME.fullmatch(name) and len(name) <= LONGEST_NAME:
        return name
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    return NamingConvention(LONGEST_NAME).normalize_path(name)


def base_name(column: str) -> str:
    """Return a replica column's name without its type suffix."""
    return column.partition(VARIANT)[0]


def type_name(hint: Mapping[str, Any]) -> str:
    """Return a name for a hint's type. Unlike dlt's, it tells BIGNUMERIC from NUMERIC and DATETIME from TIMESTAMP."""
    kind = str(hint["data_type"])
    if kind == "decimal" and hint["precision"] > 38:
        return "bignumeric"
    return "datetime" if kind == "timestamp" and not hint["timezone"] else kind


def postgres_type(hint: Mapping[str, Any]) -> str:
    """Return the Postgres type that dlt creates for a hint, spelled as `replica_columns` spells it."""
    kind = str(hint["data_type"])
    if kind == "decimal":
        return f"numeric({hint['precision']},{hint['scale']})"
    if kind == "timestamp":
        return f"timestamp {'with' if hint['timezone'] else 'without'} time zone"
    return POSTGRES_TYPES[kind]


def replica_columns(database: Connection, schema: str, table: str) -> dict[str, str]:
    """Return a replica table's columns with their types, without dlt's own. Empty if the table does not exist."""
    with database.cursor() as cursor:
        cursor.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and attnum > 0"
            " and not attisdropped and attname not like '\\_dlt\\_%%' order by attnum",
            (schema, table),
        )
        return {name: re.sub(r"^(timestamp|time)\(\d\)", r"\1", type_) for name, type_ in cursor.fetchall()}


def place(batch: "pa.RecordBatch", placed: Mapping[str, Placement]) -> "pa.RecordBatch":
    """Rename and convert a batch's columns as placed."""
    import pyarrow as pa

    names, columns = [], []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        placement = placed.get(name)
        names.append(placement.column if placement else name)
        columns.append(column.cast(pa.string()) if placement and placement.as_text else column)
    return pa.RecordBatch.from_arrays(columns, names=names)


def _make_text(database: Connection, schema: str, table: str, column: str) -> None:
    with database.cursor() as cursor:
        for place in (schema, STAGING.format(schema)):
            if replica_columns(database, place, table):
                statement = "alter table {} alter column {} type varchar"
                cursor.execute(sql.SQL(statement).format(sql.Identifier(place, table), sql.Identifier(column)))
