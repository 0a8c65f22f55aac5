"""Slices of a table that one query may not compare as a whole: ranges of its partitioning column, or groups of columns.

BigQuery bills the columns that a query names, in the partitions that its filter leaves:
https://cloud.google.com/bigquery/docs/querying-partitioned-tables#overview
A share of the keys' hashes would bill the same bytes as all keys. A filter on a clustering column saves bytes, but only
after `maximumBytesBilled` was checked against an estimate without that saving:
https://cloud.google.com/bigquery/docs/best-practices-costs#restrict-bytes-billed
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from psycopg2 import sql

from coaching_assets.bigquery.identifiers import quoted
from coaching_assets.bigquery.tables import Partitioning, TableDescription
from coaching_assets.catalogue import CURSOR
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.reconcile.canonical import SAME_TYPE

KEYS, WITHOUT_VALUE = "keys", "rows without a partition"
COLUMN, PARTITION = "column ", "partition "


@dataclass(frozen=True)
class Part:
    """The part of a table that one query compares.

    Attributes:
        slices: the names of the slices that it consists of; none for the whole table.
        columns: the columns to compare beside the key; None for all.
        bigquery_condition: the rows, in GoogleSQL.
        replica_condition: the same rows, in Postgres's SQL.
        has_all_keys: whether the query reads the keys of all rows, so that a row without its like is gone.
    """

    slices: tuple[str, ...] = ()
    columns: frozenset[str] | None = None
    bigquery_condition: str = "TRUE"
    replica_condition: sql.Composable = field(default_factory=lambda: sql.SQL("true"))
    has_all_keys: bool = True


WHOLE = Part()


class Slicing(Protocol):
    """A way to slice a table."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all slices."""

    def joinable(self, names: Sequence[str]) -> list[str]:
        """The first slice, and those that one query can compare together with it."""

    def part(self, names: Sequence[str]) -> Part:
        """The part that consists of these slices."""


@dataclass(frozen=True)
class Columns:
    """Each slice compares the keys, and one column, of all rows."""

    columns: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """One slice per column; a table of keys alone has one."""
        return tuple(f"{COLUMN}{name}" for name in self.columns) or (KEYS,)

    def joinable(self, names: Sequence[str]) -> list[str]:
        """All of them."""
        return list(names)

    def part(self, names: Sequence[str]) -> Part:
        """The keys and these columns."""
        return Part(tuple(names), frozenset(name.removeprefix(COLUMN) for name in names if name != KEYS))


@dataclass(frozen=True)
class Partitions:
    """Each slice compares all columns in one partition; a further one compares the keys of all rows.

    The ranges cover every value: the first has no start and the last no end, so that a partition that the replica lacks
    is in one of them.
    """

    partitioning: Partitioning
    type: str
    starts: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The keys first: only they show which rows are gone."""
        return (KEYS, WITHOUT_VALUE, *(f"{PARTITION}{start}" for start in self.starts))

    def joinable(self, names: Sequence[str]) -> list[str]:
        """The first one, and the partitions that follow it without a gap."""
        first, *others = names
        if not first.startswith(PARTITION):
            return [first]
        joined, left = [first], set(others)
        for start in self.starts[self._place(first) + 1 :]:
            if (name := f"{PARTITION}{start}") not in left:
                break
            joined.append(name)
        return joined

    def part(self, names: Sequence[str]) -> Part:
        """The keys, or the rows of these neighboring partitions."""
        if names[0] == KEYS:
            return Part(tuple(names), frozenset())
        column = str(self.partitioning.column)
        in_bigquery, in_replica = quoted(column), sql.Identifier("replica", column)
        if names[0] == WITHOUT_VALUE:
            absent = sql.SQL("{} is null").format(in_replica)
            return Part(tuple(names), None, f"{in_bigquery} IS NULL", absent, has_all_keys=False)
        first, last = self._place(names[0]), self._place(names[-1])
        bounds = [(">=", self.starts[first])] if first > 0 else []
        bounds += [("<", self.starts[last + 1])] if last + 1 < len(self.starts) else []
        if not bounds:
            present = sql.SQL("{} is not null").format(in_replica)
            return Part(tuple(names), None, f"{in_bigquery} IS NOT NULL", present, has_all_keys=False)
        return Part(
            tuple(names),
            None,
            " AND ".join(f"{in_bigquery} {sign} {self._bigquery_literal(bound)}" for sign, bound in bounds),
            sql.SQL(" and ").join(
                sql.SQL("{} {} {}").format(in_replica, sql.SQL(sign), self._replica_literal(bound))
                for sign, bound in bounds
            ),
            has_all_keys=False,
        )

    def _place(self, name: str) -> int:
        return self.starts.index(name.removeprefix(PARTITION))

    def _bigquery_literal(self, bound: str) -> str:
        return {"TIMESTAMP": f"TIMESTAMP '{bound}+00'", "INT64": bound}.get(self.type, f"{self.type} '{bound}'")

    def _replica_literal(self, bound: str) -> sql.Composable:
        text = f"{bound}+00" if self.type == "TIMESTAMP" else bound
        return sql.SQL("{}::{}").format(sql.Literal(text), sql.SQL(POSTGRES_TYPES[self.type]))


POSTGRES_TYPES: Mapping[str, str] = {
    "TIMESTAMP": "timestamptz",
    "DATETIME": "timestamp",
    "DATE": "date",
    "INT64": "bigint",
}
"""The replica types of columns that BigQuery partitions by:
https://cloud.google.com/bigquery/docs/partitioned-tables#types_of_partitioning"""


def slicing_for(
    database: Connection,
    schema: str,
    description: TableDescription,
    types: Mapping[str, str],
    compared: tuple[str, ...],
) -> Slicing:
    """Choose how to slice a table: by partition if the replica has the partitioning column, else by columns.

    Args:
        database: the replica, in any transaction.
        schema: the replica's schema.
        description: the table at the source.
        types: Postgres type by column of the replica.
        compared: the columns that are compared beside the key.
    """
    partitioning = description.partitioning
    by = description.field(partitioning.column) if partitioning is not None and partitioning.column else None
    # the replica keeps the old stamp of a row that did not change
    if partitioning is None or by is None or by.name == CURSOR or by.type not in POSTGRES_TYPES:
        return Columns(compared)
    if types.get(by.name) not in SAME_TYPE[by.type]:
        return Columns(compared)
    starts = _starts(database, schema, description.table, partitioning, by.type)
    return Partitions(partitioning, by.type, starts) if starts else Columns(compared)


def _starts(database: Connection, schema: str, table: str, partitioning: Partitioning, type_: str) -> tuple[str, ...]:
    """The starts of the partitions that have rows in the replica, in order."""
    name = "integer_partitions.sql" if type_ == "INT64" else "time_partitions.sql"
    is_date = type_ == "DATE"
    with database.cursor() as cursor:
        cursor.execute(
            sql.SQL(read_sql(__package__, name)).format(
                table=sql.Identifier(schema, table),
                column=sql.Identifier(str(partitioning.column)),
                moment=sql.SQL("at time zone 'UTC'" if type_ == "TIMESTAMP" else "::timestamp"),
            ),
            {
                "unit": partitioning.unit,
                "start": partitioning.start,
                "interval": partitioning.interval,
                "format": "YYYY-MM-DD" if is_date else "YYYY-MM-DD HH24:MI:SS",
            },
        )
        return tuple(str(start) for (start,) in cursor.fetchall())
