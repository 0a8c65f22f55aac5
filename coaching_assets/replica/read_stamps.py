"""Finds the seconds of a source table whose rows differ from what was read before, from keys and stamps alone."""

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from psycopg2 import sql

from coaching_assets.bigquery.errors import SourceError
from coaching_assets.catalogue import CURSOR
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.replica.extraction import Extraction, Range

MAXIMUM_RANGES = 100
"""Ranges in one filter. More are joined with their neighbours, which reads the rows between them again."""


def unread_ranges(
    database: Connection, extraction: Extraction, schema: str, key: Sequence[str], watermark: datetime
) -> list[Range] | None:
    """Compare the stamps in the window with the record of what was read.

    Keys belong to the comparison: with stamps alone, a late row could take the place of a row that was modified.

    Args:
        database: a connection that commits each statement.
        extraction: its `since` is the start of the window.
        schema: the replica's schema.
        key: the key columns at the source.
        watermark: the newest stamp in the replica.

    Returns:
        The ranges to read, in order; None to read the whole window, because it is small or not recorded.
    """
    description = extraction.description
    field = description.field(CURSOR)
    if extraction.since is None or not description.is_stored or field is None or field.type != "TIMESTAMP":
        return None
    since = extraction.since.replace(microsecond=0)
    parameters = {"schema": schema, "table": description.table, "since": since, "watermark": watermark}
    with database.cursor() as cursor:
        cursor.execute(read_sql(__package__, "recorded_rows.sql"), parameters)
        if not (cursor.fetchone() or (False,))[0]:
            return None
    columns = [name for name in key if name in description.columns]
    if not columns:
        return None
    try:
        return list(as_ranges(_differing_seconds(database, extraction, schema, columns, since)))
    except SourceError:
        return None  # reading the rows fails for the same reason, and reports it for this table alone


def _differing_seconds(
    database: Connection, extraction: Extraction, schema: str, key: Sequence[str], since: datetime
) -> list[int]:
    from pyarrow.csv import WriteOptions, write_csv

    description = extraction.description
    placed = [extraction.placed[name].column for name in key]
    with database.cursor() as cursor:
        cursor.execute(
            sql.SQL("create temp table source_stamp as select {}, {} from {} with no data").format(
                sql.SQL(", ").join(map(sql.Identifier, placed)),
                sql.Identifier(CURSOR),
                sql.Identifier(schema, description.table),
            )
        )
        try:
            stamps = extraction.bigquery.read(
                description, since=since, snapshot=extraction.snapshot, columns=[*key, CURSOR]
            )
            for batch in stamps.loadable_batches():
                file = io.BytesIO()
                write_csv(batch.select([*key, CURSOR]), file, WriteOptions(include_header=False))
                file.seek(0)
                cursor.copy_expert("copy source_stamp from stdin with (format csv)", file)
            cursor.execute(
                read_sql(__package__, "differing_seconds.sql"),
                {"schema": schema, "table": description.table, "key": placed, "since": since},
            )
            return [second for (second,) in cursor.fetchall()]
        finally:
            if not database.closed:
                cursor.execute("drop table source_stamp")


def as_ranges(seconds: Sequence[int]) -> Iterator[Range]:
    """Join neighbouring seconds, and the nearest ranges if there are too many."""
    gaps = sorted((later - earlier for earlier, later in pairwise(seconds)), reverse=True)
    widest = gaps[MAXIMUM_RANGES - 1] if len(gaps) >= MAXIMUM_RANGES else 1
    start = None
    for place, second in enumerate(seconds):
        start = second if start is None else start
        if place + 1 == len(seconds) or seconds[place + 1] - second > widest:
            yield _moment(start), _moment(second + 1)
            start = None


def _moment(second: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
