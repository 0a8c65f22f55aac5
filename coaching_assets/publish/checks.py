"""Checks of published rows: evaluated for each batch that is written, and summed up over the table."""

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.errors import CoachingError
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.published_table import Check, PublishedTable

KEYS_UNIQUE = Check(
    name="keys_unique",
    description="No two rows share a natural key.",
    failure="{rows} rows have a duplicate with the same natural key that this project did not write.",
    remedy="Another program writes to the table. Find the duplicates by their natural key, then the program that"
    " wrote them.",
    query="duplicates.sql",
)


class RowsMissing(CoachingError):
    """Rows are missing from a published table after they were written; nothing was committed."""


def check_query(table: PublishedTable, check: Check) -> sql.Composed:
    """Return the query of a check: `aggregate_key` and `rows`, for the aggregates of the batch."""
    same_key = [
        sql.SQL("{} = {}").format(sql.Identifier("row", column), sql.Identifier("wanted", column))
        for column in table.natural_key
    ]
    text = table.sql[check.query] if check.query in table.sql else read_sql(__package__, check.query)
    return sql.SQL(text).format(
        wanted=sql.Identifier(f"wanted_{table.name}"),
        table=sql.Identifier(table.name),
        leading=sql.Identifier(next(iter(table.natural_key), "id")),
        same_key=sql.SQL(" and ").join(same_key),
    )


def record_findings(cursor: Cursor, table: PublishedTable) -> None:
    """Record what the checks find in the batch's rows, and remove what they no longer find."""
    for check in table.checks:
        cursor.execute(
            "delete from coaching_sync.findings where published_table = %s and finding = %s"
            " and aggregate_key in (select key from batch)",
            (table.name, check.name),
        )
        cursor.execute(
            sql.SQL(
                "insert into coaching_sync.findings (published_table, finding, aggregate_key, rows)"
                " select {}, {}, aggregate_key, rows from ({}) as found"
            ).format(sql.Literal(table.name), sql.Literal(check.name), check_query(table, check))
        )


def require_accounted_for(table: PublishedTable, wanted: int, present: int) -> None:
    """Check, in the transaction that wrote a batch, that the table has all of its rows.

    Raises:
        RowsMissing: a trigger or a rule of the application discarded rows.
    """
    if present < wanted:
        raise RowsMissing(
            f"{wanted - present} of {wanted} rows are not in {table.name} after they were written. A trigger or a rule"
            " on the table discarded them, so nothing of this batch was committed. Correct the trigger or the rule."
        )


def count_findings(cursor: Cursor, table: PublishedTable) -> dict[str, int]:
    """Count the rows that each check has found, over the whole table."""
    cursor.execute(
        "select finding, sum(rows)::bigint from coaching_sync.findings where published_table = %s group by finding",
        (table.name,),
    )
    return dict(cursor.fetchall())
