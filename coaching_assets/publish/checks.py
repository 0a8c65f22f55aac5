"""Checks of published rows: counted while a batch is written, summed up afterwards."""

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import read_sql
from coaching_assets.publish.tables import PublishedTable


class RowsMissing(CoachingError):
    """Rows are missing from a published table after they were written; nothing was committed."""


def note_findings(cursor: Cursor, table: PublishedTable) -> None:
    """Keep what is odd about the batch's rows, and let go of what is so no more; the cost follows the batch."""
    for finding, file in table.findings:
        cursor.execute(
            "delete from coaching_sync.findings where published_table = %s and finding = %s"
            " and aggregate_key in (select key from batch)",
            (table.name, finding),
        )
        same_key = [
            sql.SQL("{} = {}").format(sql.Identifier("row", column), sql.Identifier("wanted", column))
            for column in table.natural_key
        ]
        query = sql.SQL(read_sql(__package__, file)).format(
            wanted=sql.Identifier(f"wanted_{table.name}"),
            table=sql.Identifier(table.name),
            leading=sql.Identifier(next(iter(table.natural_key), "id")),
            same_key=sql.SQL(" and ").join(same_key),
        )
        cursor.execute(
            sql.SQL(
                "insert into coaching_sync.findings (published_table, finding, aggregate_key, rows)"
                " select {}, {}, aggregate_key, rows from ({}) as found"
            ).format(sql.Literal(table.name), sql.Literal(finding), query)
        )


def require_accounted_for(table: PublishedTable, wanted: int, present: int) -> None:
    """See that every row that was to be published stands in the table, within the transaction that wrote it.

    Raises:
        RowsMissing: some do not: a trigger or a rule of the application's swallowed them.
    """
    if present < wanted:
        raise RowsMissing(
            f"{wanted - present} of {wanted} rows are not in {table.name} after they were written. A trigger or a rule"
            " on the table must have swallowed them; nothing of this batch was committed."
        )


def count_findings(cursor: Cursor, table: PublishedTable) -> dict[str, int]:
    """How many rows each kind of finding counts, over the whole table."""
    cursor.execute(
        "select finding, sum(rows)::bigint from coaching_sync.findings where published_table = %s group by finding",
        (table.name,),
    )
    return dict(cursor.fetchall())
