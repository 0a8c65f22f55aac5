"""Which columns can be compared without moving them: those whose text is the same in BigQuery and in Postgres."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg2 import sql

from coaching_assets.bigquery.identifiers import quoted
from coaching_assets.bigquery.tables import Field, TableDescription
from coaching_assets.catalogue import CURSOR, SourceTable
from coaching_assets.errors import CoachingError
from coaching_assets.replica.placement import base_name

WITHOUT_NUL = "REPLACE({}, CODE_POINTS_TO_STRING([0]), CODE_POINTS_TO_STRING([65533]))"
"""U+0000 becomes U+FFFD on the way, since Postgres cannot store it."""

BIGQUERY_TEXTS: Mapping[str, str] = {
    "STRING": WITHOUT_NUL,
    "INT64": "CAST({} AS STRING)",
    "BOOL": "CAST({} AS STRING)",
    "TIMESTAMP": "CAST(UNIX_MICROS({}) AS STRING)",
    "DATETIME": "CAST(UNIX_MICROS(TIMESTAMP({})) AS STRING)",
    "DATE": "CAST(UNIX_DATE({}) AS STRING)",
}
"""The text of a value by BigQuery's type. Floats, decimals, JSON and nested types have none that both servers write."""

MICROSECONDS = "(extract(epoch from {}) * 1000000)::bigint::text"
POSTGRES_TEXTS: Mapping[str, str] = {
    "character varying": "{}::text",
    "text": "{}::text",
    "bigint": "{}::text",
    "boolean": "{}::text",
    "timestamp with time zone": MICROSECONDS,
    "timestamp without time zone": MICROSECONDS,
    "date": "({} - date '1970-01-01')::text",
}
"""The same text by Postgres's type."""

SAME_TYPE: Mapping[str, frozenset[str]] = {
    "STRING": frozenset({"character varying", "text"}),
    "INT64": frozenset({"bigint"}),
    "BOOL": frozenset({"boolean"}),
    "TIMESTAMP": frozenset({"timestamp with time zone"}),
    "DATETIME": frozenset({"timestamp without time zone"}),
    "DATE": frozenset({"date"}),
}
"""Which type a column must have in the replica to be compared; one whose type changed at the source is left out."""

AS_THEMSELVES = SAME_TYPE["STRING"] | SAME_TYPE["INT64"]
"""The types in which a key may be kept, whichever of the two it is at the source: their text is the value itself."""


class NotComparable(CoachingError):
    """A table's key has no text that is the same on both servers; the message names the column."""


@dataclass(frozen=True)
class Canonical:
    """A table's expressions on either server: the key's text, the row's text, Fivetran's time in microseconds."""

    bigquery_key: str
    bigquery_row: str
    bigquery_synced: str
    replica_key: sql.Composable
    replica_row: sql.Composable
    replica_synced: sql.Composable
    left_out: tuple[str, ...]
    """The source's columns that are not compared."""


def canonical(table: SourceTable, description: TableDescription, columns: Mapping[str, str]) -> Canonical:
    """The expressions by which a table is compared.

    Args:
        table: which one.
        description: as it stands at the source.
        columns: the replica's columns, by name, with their Postgres types.

    Raises:
        NotComparable: a key column is of a type that has no common text.
    """
    key = table.key_for(frozenset(description.columns))
    fields = [
        field
        for field in description.fields
        if not field.repeated and field.name not in key and _is_same(field, columns)
    ]
    has_cursor = any(field.name == CURSOR for field in fields)
    # the replica keeps a row's first stamp where only that differs
    fields = [field for field in fields if field.name != CURSOR]
    compared = {*key, CURSOR, *(field.name for field in fields)}
    return Canonical(
        bigquery_key=_bigquery([_bigquery_key(description, columns, name) for name in key]),
        bigquery_row=_bigquery([BIGQUERY_TEXTS[field.type].format(quoted(field.name)) for field in fields]),
        bigquery_synced=f"UNIX_MICROS({quoted(CURSOR)})" if has_cursor else "CAST(NULL AS INT64)",
        replica_key=_replica([_replica_key(columns, name) for name in key]),
        replica_row=_replica([_replica_text(field.name, columns[field.name]) for field in fields]),
        replica_synced=sql.SQL("({})::bigint").format(
            _replica_text(CURSOR, columns[CURSOR]) if has_cursor else sql.NULL
        ),
        left_out=tuple(name for name in description.columns if name not in compared),
    )


def key_parts(text: str) -> str:
    """A key's text as people read it: the values, separated by commas."""
    return ", ".join(part[1:] if part.startswith("+") else "(null)" for part in text.split("\x1f"))


def _variants(columns: Mapping[str, str], name: str) -> list[str]:
    """The replica's columns of one column of the source; dlt adds one where its type changed."""
    return [column for column in columns if base_name(column) == name]


def _is_same(field: Field, columns: Mapping[str, str]) -> bool:
    return _variants(columns, field.name) == [field.name] and columns[field.name] in SAME_TYPE.get(field.type, ())


def _bigquery_key(description: TableDescription, columns: Mapping[str, str], name: str) -> str:
    field = description.field(name)
    if field is None:
        return "CAST(NULL AS STRING)"
    kept_as = {columns[column] for column in _variants(columns, name)}
    alike = AS_THEMSELVES if field.type in {"STRING", "INT64"} else SAME_TYPE.get(field.type, frozenset())
    if field.repeated or field.type not in BIGQUERY_TEXTS or not kept_as <= alike:
        raise NotComparable(
            f"{description}: its key column {name} is {field.type}, whose text is another one in the replica."
        )
    return BIGQUERY_TEXTS[field.type].format(quoted(name))


def _replica_key(columns: Mapping[str, str], name: str) -> sql.Composable:
    texts = [_replica_text(column, columns[column]) for column in _variants(columns, name)]
    return sql.SQL("coalesce({})").format(sql.SQL(", ").join(texts)) if texts else sql.SQL("null::text")


def _replica_text(column: str, type_: str) -> sql.Composable:
    template = POSTGRES_TEXTS.get(type_, "{}::text")
    return sql.SQL(template).format(sql.Identifier("replica", column))


def _bigquery(texts: list[str]) -> str:
    """One text of several values; each is marked by `+`, and null by `-`."""
    parts = [f"COALESCE(CONCAT('+', {text}), '-')" for text in texts] or ["''"]
    return f"CONCAT({', CHR(31), '.join(parts)})"


def _replica(texts: list[sql.Composable]) -> sql.Composable:
    if not texts:
        return sql.SQL("''")
    parts = [sql.SQL("coalesce('+' || {}, '-')").format(text) for text in texts]
    return sql.SQL(" || chr(31) || ").join(parts)
