"""SQL expressions that write a row as the same text in BigQuery and in Postgres, so that only hashes are compared."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from psycopg2 import sql

from coaching_assets.bigquery.identifiers import quoted
from coaching_assets.bigquery.tables import Field, TableDescription
from coaching_assets.catalogue import CURSOR, SourceTable
from coaching_assets.errors import CoachingError
from coaching_assets.replica.placement import base_name

WITHOUT_NUL = "REPLACE({0}, CODE_POINTS_TO_STRING([0]), CODE_POINTS_TO_STRING([65533]))"
"""Postgres cannot store U+0000; the replica holds U+FFFD instead."""

MANTISSA_LIMIT = "9007199254740992"
"""2 to the power of 53: mantissas of FLOAT64 are below it, and those of normal numbers at least half of it."""

FLOAT64_TEXT = (
    "CASE WHEN IS_NAN({0}) THEN 'NaN' WHEN IS_INF({0}) THEN IF({0} > 0, 'Infinity', '-Infinity')"
    " WHEN {0} = 0 THEN '0' ELSE (SELECT CONCAT(IF({0} < 0, '-', ''),"
    " CAST(CAST(size / POW(2, exponent) AS INT64) AS STRING), 'p', CAST(exponent AS STRING)) FROM ("
    "SELECT size, GREATEST(-1074, guess + CASE WHEN size / POW(2, guess) >= " + MANTISSA_LIMIT + " THEN 1"
    " WHEN size / POW(2, guess) < " + MANTISSA_LIMIT + " / 2 THEN -1 ELSE 0 END) AS exponent FROM ("
    "SELECT size, GREATEST(-1074, CAST(FLOOR(LN(size) / LN(2)) AS INT64) - 52) AS guess FROM ("
    # a subquery may be computed before the conditions in front of it
    "SELECT IF({0} = 0 OR IS_NAN({0}) OR IS_INF({0}), 1, ABS({0})) AS size)))) END"
)
"""Mantissa and exponent of a FLOAT64, as `coaching_sync.float_text` writes them.

BigQuery's cast to STRING has 15 or 17 digits and Postgres's the fewest that identify the number, so neither text can be
compared. Divisions by powers of two are exact; the guess by logarithms is off by one at most.
"""

WITHOUT_TRAILING_ZEROS = (
    "IF(STRPOS(CAST({0} AS STRING), '.') = 0, CAST({0} AS STRING), RTRIM(RTRIM(CAST({0} AS STRING), '0'), '.'))"
)

BIGQUERY_TEXTS: Mapping[str, str] = {
    "STRING": WITHOUT_NUL,
    "BYTES": "TO_HEX({0})",
    "INT64": "CAST({0} AS STRING)",
    "FLOAT64": FLOAT64_TEXT,
    "NUMERIC": WITHOUT_TRAILING_ZEROS,
    "BIGNUMERIC": WITHOUT_TRAILING_ZEROS,
    "BOOL": "CAST({0} AS STRING)",
    "TIMESTAMP": "CAST(UNIX_MICROS({0}) AS STRING)",
    "DATETIME": "CAST(UNIX_MICROS(TIMESTAMP({0})) AS STRING)",
    "DATE": "CAST(UNIX_DATE({0}) AS STRING)",
    "TIME": "CAST(TIME_DIFF({0}, TIME '00:00:00', MICROSECOND) AS STRING)",
}
"""The text of a value, by BigQuery type. Both servers write JSON and nested types differently."""

MICROSECONDS = "(extract(epoch from {}) * 1000000)::bigint::text"
POSTGRES_TEXTS: Mapping[str, str] = {
    "character varying": "{}::text",
    "text": "{}::text",
    "bytea": "encode({}, 'hex')",
    "bigint": "{}::text",
    "double precision": "coaching_sync.float_text({})",
    "numeric": "trim_scale({})::text",
    "boolean": "{}::text",
    "timestamp with time zone": MICROSECONDS,
    "timestamp without time zone": MICROSECONDS,
    "date": "({} - date '1970-01-01')::text",
    "time without time zone": MICROSECONDS,
}
"""The same text, by Postgres type."""

SAME_TYPE: Mapping[str, frozenset[str]] = {
    "STRING": frozenset({"character varying", "text"}),
    "BYTES": frozenset({"bytea"}),
    "INT64": frozenset({"bigint"}),
    "FLOAT64": frozenset({"double precision"}),
    "NUMERIC": frozenset({"numeric"}),
    "BIGNUMERIC": frozenset({"numeric"}),
    "BOOL": frozenset({"boolean"}),
    "TIMESTAMP": frozenset({"timestamp with time zone"}),
    "DATETIME": frozenset({"timestamp without time zone"}),
    "DATE": frozenset({"date"}),
    "TIME": frozenset({"time without time zone"}),
}
"""The replica types in which a column is compared; a column whose type changed at the source is left out."""

AS_THEMSELVES = SAME_TYPE["STRING"] | SAME_TYPE["INT64"]
"""The replica types of a text or integer key: the text is the value, even if the source type changed."""


class NotComparable(CoachingError):
    """The servers write the text of a key column differently; the message names the column."""


@dataclass(frozen=True)
class Canonical:
    """The expressions of one table on both servers.

    The key as text, the compared columns as text, and `_fivetran_synced` in microseconds since 1970.
    """

    bigquery_key: str
    bigquery_row: str
    bigquery_synced: str
    replica_key: sql.Composable
    replica_row: sql.Composable
    replica_synced: sql.Composable
    left_out: tuple[str, ...]
    """Source columns that are not compared."""
    compared: tuple[str, ...] = ()
    """Source columns that are compared beside the key."""


def canonical(
    table: SourceTable,
    description: TableDescription,
    columns: Mapping[str, str],
    only: Collection[str] | None = None,
) -> Canonical:
    """Build the expressions that compare one table.

    Args:
        table: the source table.
        description: its current columns in BigQuery.
        columns: Postgres type by column of the replica.
        only: the columns to compare beside the key; None for all.

    Raises:
        NotComparable: a key column has a type without a common text.
    """
    key = table.key_for(frozenset(description.columns))
    fields = [
        field
        for field in description.fields
        if not field.repeated and field.name not in key and _is_same(field, columns)
    ]
    has_cursor = any(field.name == CURSOR for field in fields)
    # if only the stamp differs, the replica keeps the old one
    fields = [field for field in fields if field.name != CURSOR]
    left_out = set(description.columns) - {*key, CURSOR, *(field.name for field in fields)}
    fields = [field for field in fields if only is None or field.name in only]
    return Canonical(
        bigquery_key=_bigquery([_bigquery_key(description, columns, name) for name in key]),
        bigquery_row=_bigquery([BIGQUERY_TEXTS[field.type].format(quoted(field.name)) for field in fields]),
        bigquery_synced=f"UNIX_MICROS({quoted(CURSOR)})" if has_cursor else "CAST(NULL AS INT64)",
        replica_key=_replica([replica_text(columns, name) for name in key]),
        replica_row=_replica([_replica_text(field.name, columns[field.name]) for field in fields]),
        replica_synced=sql.SQL("({})::bigint").format(
            _replica_text(CURSOR, columns[CURSOR]) if has_cursor else sql.NULL
        ),
        left_out=tuple(name for name in description.columns if name in left_out),
        compared=tuple(field.name for field in fields),
    )


def replica_text(columns: Mapping[str, str], name: str) -> sql.Composable:
    """Return the text of a key column in a row `replica`, whatever types it had.

    Args:
        columns: Postgres type by column of the replica.
        name: the column's name at the source.
    """
    texts = [_replica_text(column, columns[column]) for column in _variants(columns, name)]
    return sql.SQL("coalesce({})").format(sql.SQL(", ").join(texts)) if texts else sql.SQL("null::text")


def key_parts(text: str) -> str:
    """The values of a key's text, separated by commas."""
    return ", ".join(part[1:] if part.startswith("+") else "(null)" for part in text.split("\x1f"))


def _variants(columns: Mapping[str, str], name: str) -> list[str]:
    """The replica's columns for one source column; dlt adds another when the type changes."""
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
            f"{description}: the key column {name} has type {field.type}, which the replica writes differently."
            " The table cannot be compared."
        )
    return BIGQUERY_TEXTS[field.type].format(quoted(name))


def _replica_text(column: str, type_: str) -> sql.Composable:
    template = POSTGRES_TEXTS.get(type_, "{}::text")
    return sql.SQL(template).format(sql.Identifier("replica", column))


def _bigquery(texts: list[str]) -> str:
    """One text of several values: `+` before each value, `-` for null."""
    parts = [f"COALESCE(CONCAT('+', {text}), '-')" for text in texts] or ["''"]
    return f"CONCAT({', CHR(31), '.join(parts)})"


def _replica(texts: list[sql.Composable]) -> sql.Composable:
    if not texts:
        return sql.SQL("''")
    parts = [sql.SQL("coalesce('+' || {}, '-')").format(text) for text in texts]
    return sql.SQL(" || chr(31) || ").join(parts)
