"""Asks BigQuery for exactly the rows that are about to be deleted, right before their deletion."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import sql

from coaching_assets.bigquery.identifiers import quoted
from coaching_assets.bigquery.row_filters import rows_of
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import TABLES, SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import column_types
from coaching_assets.publish.published_table import Group
from coaching_assets.publish.statements import key_column
from coaching_assets.reconcile.canonical import WITHOUT_NUL, canonical, replica_text
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

KEYS_AT_ONCE = 20_000
"""Keys per query. A request may have 10 MB: https://cloud.google.com/bigquery/quotas#query_jobs"""

BY_VIEW: Mapping[str, SourceTable] = {table.view: table for table in TABLES}


@dataclass(frozen=True)
class Source:
    """The source as a reconciliation found it.

    Args:
        bigquery: the source.
        settings: the replica's schemas.
        present: the tables that BigQuery has, with their descriptions.
    """

    bigquery: "BigQuery"
    settings: Settings
    present: Mapping[SourceTable, TableDescription]

    def present_keys(self, table: SourceTable, expression: str, keys: Collection[str]) -> set[str]:
        """Return those of the keys that BigQuery has now.

        Args:
            table: a table that BigQuery has.
            expression: the key as a STRING, in GoogleSQL.
            keys: any number; each query asks for at most `KEYS_AT_ONCE`.

        Raises:
            SourceError: BigQuery did not answer, or the query would bill too many bytes.
        """
        statement = read_sql(__package__, "source_keys.sql").format(table=rows_of(self.present[table]), key=expression)
        return {row[0] for some in _portions(keys) for row in self._rows(table, statement, some)}

    def present_aggregates(self, group: Group, keys: Collection[str]) -> set[str]:
        """Return those of a group's aggregates of which BigQuery has a row now, deleted ones included.

        Only the group's first origin that BigQuery has is asked: the others count only without it. If BigQuery has
        none, no aggregate is known to be gone, and all count as present.

        Raises:
            SourceError: BigQuery did not answer, or the query would bill too many bytes.
        """
        origins = [view for view in group.origins if BY_VIEW[view] in self.present]
        if not origins:
            return set(keys)
        column = key_column(group.root, origins[0])
        return self.present_keys(BY_VIEW[origins[0]], _text(column), keys)

    def lacking_aggregates(
        self, database: Connection, group: Group, keys: Collection[str], trusted: Collection[str]
    ) -> set[str]:
        """Return those of a group's aggregates of which BigQuery has a row now that the replica lacks.

        Args:
            database: for the replica's rows; its transaction is committed.
            group: the group of the aggregates.
            keys: the aggregates' keys.
            trusted: views of tables that are not asked for, because an erasure keeps rows out of them.

        Raises:
            SourceError: BigQuery did not answer, or the query would bill too many bytes.
            NotComparable: the servers write the text of a key differently.
        """
        lacking: set[str] = set()
        for view in group.sources:
            table = BY_VIEW[view]
            if table in self.present and view not in trusted:
                for column in (path for path in group.paths(view) if isinstance(path, str)):
                    lacking |= self._lacking(database, table, column, keys)
        return lacking

    def _lacking(self, database: Connection, table: SourceTable, column: str, keys: Collection[str]) -> set[str]:
        description, schema = self.present[table], self.settings.schemas[table.source]
        columns = column_types(database, schema, table.name)
        database.commit()
        if column in description.denied:
            return set(keys)
        if column not in description.columns or not columns:
            return set(keys) if column in description.columns else set()
        expressions = canonical(table, description, columns)
        asked = read_sql(__package__, "source_parts.sql").format(
            table=rows_of(description),
            key=expressions.bigquery_key,
            aggregate=_text(column),
        )
        loaded = sql.SQL(read_sql(__package__, "replica_parts.sql")).format(
            table=sql.Identifier(schema, table.name),
            key=expressions.replica_key,
            aggregate=replica_text(columns, column),
        )
        lacking: set[str] = set()
        for some in _portions(keys):
            found = list(self._rows(table, asked, some))
            with database.cursor() as cursor:
                cursor.execute(loaded, {"keys": some})
                hashes = {key_hash for (key_hash,) in cursor.fetchall()}
            # no transaction stays open while BigQuery is asked
            database.commit()
            lacking |= {key for key, key_hash in found if key_hash not in hashes}
        return lacking

    def _rows(self, table: SourceTable, statement: str, keys: list[str]) -> Iterator[tuple[str, ...]]:
        description = self.present[table]
        with self.bigquery.translated_errors(description.dataset, description.table):
            yield from self.bigquery.query(description, statement, {"keys": ("STRING", keys)}).rows()


def _text(column: str) -> str:
    """Return a column as the replica has it, in GoogleSQL."""
    return WITHOUT_NUL.format(f"CAST({quoted(column)} AS STRING)")


def _portions(keys: Collection[str]) -> Iterator[list[str]]:
    listed = sorted(keys)
    for start in range(0, len(listed), KEYS_AT_ONCE):
        yield listed[start : start + KEYS_AT_ONCE]
