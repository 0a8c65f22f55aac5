"""Where each column of a source table goes in the replica, also where its type is not what it was.

A column that arrives in another type than the replica's goes into a second one beside it, `<column>__v_<type>`, as dlt
itself would name it; the published views take whichever is filled. Left alone, dlt would copy the values, in binary
form, into the column of the old type: an error at best, and other numbers at worst.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from coaching_assets.bigquery.column_hints import column_hints
from coaching_assets.bigquery.tables import Field
from coaching_assets.postgres.connection import Connection

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_NAME = 63
"""Postgres's limit."""

PLAIN_NAME = re.compile("_?[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Names that dlt leaves as they are. Fivetran's are such, and dlt need not be imported to be asked."""

VARIANT = "__v_"
STAGING = "{}_staging"
"""The schema in which dlt stages rows, by the replica's."""

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
"""What dlt makes in Postgres of its own types; decimals and timestamps depend on more."""


@dataclass(frozen=True)
class Placement:
    """The column of the replica that a source column goes to, with dlt's hint for it; `as_text` where that is text."""

    column: str
    hint: Mapping[str, Any]
    as_text: bool = False


def placements(
    database: Connection, schema: str, table: str, fields: Sequence[Field], key: Sequence[str]
) -> dict[str, Placement]:
    """The placement of each source column, given the replica's table as it stands.

    A column of the key stays one column: it becomes text where its type changes.
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
    """The name that dlt gives to a column of the source."""
    if PLAIN_NAME.fullmatch(name) and len(name) <= LONGEST_NAME:
        return name
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    return NamingConvention(LONGEST_NAME).normalize_path(name)


def base_name(column: str) -> str:
    """The source's name of a column of the replica."""
    return column.partition(VARIANT)[0]


def type_name(hint: Mapping[str, Any]) -> str:
    """A name for the type of a hint: dlt's, and one of their own for what dlt calls by the same name."""
    kind = str(hint["data_type"])
    if kind == "decimal" and hint["precision"] > 38:
        return "bignumeric"
    return "datetime" if kind == "timestamp" and not hint["timezone"] else kind


def postgres_type(hint: Mapping[str, Any]) -> str:
    """The Postgres type that dlt makes of a hint, as `replica_columns` spells it."""
    kind = str(hint["data_type"])
    if kind == "decimal":
        return f"numeric({hint['precision']},{hint['scale']})"
    if kind == "timestamp":
        return f"timestamp {'with' if hint['timezone'] else 'without'} time zone"
    return POSTGRES_TYPES[kind]


def replica_columns(database: Connection, schema: str, table: str) -> dict[str, str]:
    """The columns of a table of the replica with their types, without dlt's own; none where there is no such table."""
    with database.cursor() as cursor:
        cursor.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and attnum > 0"
            " and not attisdropped and attname not like '\\_dlt\\_%%' order by attnum",
            (schema, table),
        )
        return {name: re.sub(r"^(timestamp|time)\(\d\)", r"\1", type_) for name, type_ in cursor.fetchall()}


def place(batch: "pa.RecordBatch", placed: Mapping[str, Placement]) -> "pa.RecordBatch":
    """The batch with its columns under the names, and in the types, of their placement."""
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
