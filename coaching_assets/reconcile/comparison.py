"""Compares one replica table with BigQuery: by 256 buckets of hashes, then by rows in the buckets that differ."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.bigquery.row_filters import rows_of
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import column_types, has_own_tables
from coaching_assets.reconcile import withholding
from coaching_assets.reconcile.canonical import Canonical, NotComparable, canonical, key_parts
from coaching_assets.reconcile.differences import KINDS, MAXIMUM_EXAMPLES, Comparison
from coaching_assets.reconcile.slices import WHOLE, Part
from coaching_assets.replica.modifications import unmodified
from coaching_assets.replica.watermark import newest_source_time
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Bucket = tuple[int, int, int, int, int]
"""Number of rows, and the sums of the four parts of their digests."""


def compare(
    bigquery: "BigQuery",
    database: Connection,
    settings: Settings,
    table: SourceTable,
    description: TableDescription,
    *,
    part: Part = WHOLE,
    keep_lacking: bool = False,
) -> Comparison:
    """Compare one table, or a part of it. Equal tables cost one query job and 256 result rows.

    Both sides show the same moment: the replica in one snapshot, taken before the query, and BigQuery without the rows
    that the last load could not have read.

    Args:
        bigquery: the source.
        database: a connection outside a transaction; its transaction is rolled back at the end.
        settings: the replica's schemas and the overlap.
        table: the source table.
        description: its current columns in BigQuery.
        part: the rows and columns to compare.
        keep_lacking: whether to fill `lacking_rows`, for `withholding.record`.

    Raises:
        SourceError: BigQuery did not answer.
        LimitExceeded: the query would bill too many bytes.
    """
    result = Comparison(table, settings.schemas[table.source], "compared", parts=(part,) if part.slices else ())
    try:
        with database.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read")
            cursor.execute("set local idle_in_transaction_session_timeout = 0")
            columns = column_types(database, result.schema, table.name)
            if not columns:
                result.state, result.rows["missing"] = "not loaded", description.row_count or 0
                result.reason = f"{result.name} is not loaded yet. Run `coaching sync`."
                return result
            try:
                all_columns = canonical(table, description, columns)
                expressions = canonical(table, description, columns, part.columns)
            except NotComparable as error:
                result.state, result.reason = "not comparable", str(error)
                return result
            result.left_out = (*expressions.left_out, *description.denied)
            with bigquery.translated_errors(description.dataset, description.table):
                comparing = _Comparing(
                    bigquery, database, cursor, settings, description, expressions, all_columns, part, result
                )
                comparing.run()
                if (reason := bigquery.hidden_rows(description)) is not None:
                    result.hide(reason)
                if keep_lacking:
                    comparing.keep_lacking()
    finally:
        if not database.closed:
            database.rollback()
    return result


@dataclass
class _Comparing:
    """The comparison of one table, in one transaction."""

    bigquery: "BigQuery"
    database: Connection
    cursor: Cursor
    settings: Settings
    description: TableDescription
    expressions: Canonical
    all_columns: Canonical
    part: Part
    result: Comparison

    def run(self) -> None:
        """Compare the buckets, then the rows of those that differ, and fill in the result."""
        watermark = self._watermark()
        source = self._source_buckets(watermark)
        replica = self._replica_buckets()
        differing = sorted(
            {bucket for bucket in source.keys() | replica.keys() if source.get(bucket) != replica.get(bucket)}
            | self._load_rejected()
        )
        self.result.equal = sum(row[0] for bucket, row in replica.items() if bucket not in differing)
        if differing:
            self._drill_down(differing, watermark)
        self.cursor.execute("select count(*) from newer_key where substr(key_hash, 1, 2) <> all(%s)", (differing,))
        self.result.pending += (self.cursor.fetchone() or (0,))[0]

    def _watermark(self) -> datetime | None:
        """The newest source time in the replica, from which the next sync reads.

        None if BigQuery has not modified the table since it was loaded: then the next sync reads nothing, and a row
        that the replica lacks is missing, however new it is.
        """
        table, schema = self.result.table, self.result.schema
        if unmodified(self.database, schema, {table: self.description}):
            return None
        return newest_source_time(self.database, schema, table.name)

    def keep_lacking(self) -> None:
        """Fill in `lacking_rows`; there are none if all buckets were equal."""
        self.cursor.execute("select to_regclass('pg_temp.classified') is not null")
        if (self.cursor.fetchone() or (False,))[0]:
            self.cursor.execute("select hash from classified where state in ('missing', 'different', 'withheld')")
            self.result.lacking_rows = [bytes(row_hash) for (row_hash,) in self.cursor.fetchall()]

    def _source_buckets(self, watermark: datetime | None) -> dict[str, Bucket]:
        """BigQuery's buckets; keys newer than the watermark go into the temporary table `newer_key`."""
        parameters = {"watermark": ("INT64", _microseconds(watermark))}
        statement = source_statement("source_buckets.sql", self.description, self.expressions, self.part)
        result = self.bigquery.query(self.description, statement, parameters)
        buckets: dict[str, Bucket] = {}
        self.cursor.execute("create temp table newer_key (key_hash text primary key)")
        for bucket, count, first, second, third, fourth, newer in result.rows():
            if count:
                buckets[bucket] = (count, first, second, third, fourth)
            if newer:
                self.cursor.execute("insert into newer_key select unnest(%s::text[])", (newer.split(","),))
        self.cursor.execute("analyze newer_key")
        return buckets

    def _replica_buckets(self) -> dict[str, Bucket]:
        self.cursor.execute(self._composed("replica_buckets.sql"))
        return {bucket: tuple(sums) for bucket, *sums in self.cursor.fetchall()}

    def _load_rejected(self) -> set[str]:
        """Fill the temporary table `rejected_row`; return the buckets of its rows."""
        self.cursor.execute("create temp table rejected_row (key_hash text, digest text, key jsonb, synced bigint)")
        if has_own_tables(self.database):
            self.cursor.execute(self._composed("rejected_rows.sql"), {"name": self.result.name})
        self.cursor.execute("select distinct substr(key_hash, 1, 2) from rejected_row")
        return {bucket for (bucket,) in self.cursor.fetchall()}

    def _drill_down(self, buckets: list[str], watermark: datetime | None) -> None:
        from pyarrow.csv import WriteOptions, write_csv

        parameters = {"buckets": ("STRING", buckets)}
        statement = source_statement("source_rows.sql", self.description, self.expressions, self.part)
        result = self.bigquery.query(self.description, statement, parameters)
        self.cursor.execute("create temp table source_row (key_hash text, key_text text, digest text, synced bigint)")
        self.cursor.execute("create temp table replica_row (key_hash text, key_text text, digest text, synced bigint)")
        for batch in result.batches():
            file = io.BytesIO()
            write_csv(batch, file, WriteOptions(include_header=False))
            file.seek(0)
            self.cursor.copy_expert("copy source_row from stdin with (format csv)", file)
        self.cursor.execute(self._composed("replica_rows.sql"), {"buckets": buckets})
        if not self.part.has_all_keys:
            self.cursor.execute(self._composed("superseded_rows.sql"))
        horizon = watermark - self.settings.replica_overlap if watermark is not None else None
        salt = withholding.load(self.cursor, self.result.schema, self.result.table.name)
        self.cursor.execute(read_sql(__package__, "classify.sql"), {"horizon": _microseconds(horizon), "salt": salt})
        self._count()

    def _count(self) -> None:
        result = self.result
        self.cursor.execute("select state, count(*) from classified group by state")
        counts = dict(self.cursor.fetchall())
        result.equal += counts.get("equal", 0)
        result.pending += counts.get("pending", 0)
        result.withheld = counts.get("withheld", 0)
        result.rejected = counts.get("rejected", 0)
        if not self.part.has_all_keys:
            # a row that this slice lacks may be in another one
            result.unplaced = counts.pop("extra", 0)
        for kind in KINDS:
            result.rows[kind] = counts.get(kind, 0)
            if not result.rows[kind]:
                continue
            self.cursor.execute(
                "select key_text from classified where state = %s order by key_text limit %s", (kind, MAXIMUM_EXAMPLES)
            )
            result.examples[kind] = [key_parts(text) for (text,) in self.cursor.fetchall()]
        if self.part.has_all_keys:
            self._find_gone()
        self.cursor.execute(
            "select distinct div(synced, 1000000)::bigint from classified where state in ('missing', 'different')"
            " order by 1"
        )
        seconds = [second for (second,) in self.cursor.fetchall()]
        result.lacking_seconds = None if None in seconds else seconds

    def _find_gone(self) -> None:
        """Fill in the rows that BigQuery no longer has."""
        self.cursor.execute(
            "select key::text from rejected_row where key_hash not in (select key_hash from source_row)"
        )
        self.result.obsolete_rejections = [key for (key,) in self.cursor.fetchall()]
        if self.part.columns is None:
            self.cursor.execute("select key_hash, digest from classified where state = 'extra'")
        else:
            self.cursor.execute(self._composed("extra_rows.sql", self.all_columns))
        self.result.extra_rows = self.cursor.fetchall()

    def _composed(self, name: str, expressions: Canonical | None = None) -> sql.Composed:
        expressions = expressions or self.expressions
        return sql.SQL(read_sql(__package__, name)).format(
            table=sql.Identifier(self.result.schema, self.result.table.name),
            key=expressions.replica_key,
            row=expressions.replica_row,
            synced=expressions.replica_synced,
            condition=self.part.replica_condition,
        )


def source_statement(name: str, description: TableDescription, expressions: Canonical, part: Part) -> str:
    """Build one of the two queries of BigQuery."""
    return read_sql(__package__, name).format(
        table=rows_of(description),
        key=expressions.bigquery_key,
        row=expressions.bigquery_row,
        synced=expressions.bigquery_synced,
        condition=part.bigquery_condition,
    )


def _microseconds(moment: datetime | None) -> int | None:
    """Microseconds since 1970, without rounding."""
    return None if moment is None else (moment - EPOCH) // timedelta(microseconds=1)
