"""Integrity: what is looked at while a batch is written, and what the checks of a published table say afterwards."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres import read_sql
from coaching_assets.published.tables import PublishedTable

if TYPE_CHECKING:
    from coaching_assets.published.outcome import Outcome

KEYS_UNIQUE = "keys_unique"
PARENTS_PRESENT = "parents_present"
TALK_TIME_WITHIN_CALL = "talk_time_within_call"
ROWS_PUBLISHABLE = "rows_publishable"
ROWS_ACCOUNTED_FOR = "rows_accounted_for"

DESCRIPTIONS = {
    KEYS_UNIQUE: "No two rows share a natural key.",
    PARENTS_PRESENT: "Every row has the rows that it refers to; what waits for them is counted.",
    TALK_TIME_WITHIN_CALL: "Nobody talked for longer than the call took.",
    ROWS_PUBLISHABLE: "Every source row could be published.",
    ROWS_ACCOUNTED_FOR: "Every row that the source makes due stands in the table. Else nothing is published at all.",
}

FAILURES = {
    KEYS_UNIQUE: "{rows} rows stand beside another of the same natural key; somebody else wrote those.",
    PARENTS_PRESENT: "{rows} rows are published without the speaker that the source names, who is not at the source.",
    TALK_TIME_WITHIN_CALL: "{rows} speakers talked for longer than their call took: look at call_speaker in BigQuery.",
}


class RowsMissing(Exception):
    """Rows that were to be published are not in the table; nothing was committed. The message names the table."""


def integrity_specs(table: PublishedTable, key: AssetKey) -> list[AssetCheckSpec]:
    """The checks of one published table; `rows_accounted_for` blocks."""
    names = [ROWS_PUBLISHABLE, ROWS_ACCOUNTED_FOR, *(finding for finding, _ in table.findings)]
    return [
        AssetCheckSpec(name, asset=key, description=DESCRIPTIONS[name], blocking=name == ROWS_ACCOUNTED_FOR)
        for name in names
    ]


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


def integrity_results(
    table: PublishedTable, key: AssetKey, outcome: "Outcome", rejected_error: int
) -> Iterator[AssetCheckResult]:
    """The results of one table's checks after a sync.

    Args:
        table: the published table.
        key: its asset.
        outcome: what the sync did to it.
        rejected_error: more rejected rows than this are an error, not a warning.
    """
    yield AssetCheckResult(
        check_name=ROWS_PUBLISHABLE,
        asset_key=key,
        passed=outcome.rejected == 0,
        severity=AssetCheckSeverity.ERROR if outcome.rejected > rejected_error else AssetCheckSeverity.WARN,
        description=f"{outcome.rejected} source rows cannot be published; `coaching rejected --table {table.name}`"
        " lists them with their reasons. Each leaves by itself once the source is mended."
        if outcome.rejected
        else "Every source row could be published.",
        metadata={"rows_rejected": outcome.rejected, "error_over": rejected_error},
    )
    yield AssetCheckResult(
        check_name=ROWS_ACCOUNTED_FOR,
        asset_key=key,
        passed=True,
        description="Every row that was due stands in the table.",
        metadata={"rows_due": outcome.considered, "rows_in_table": outcome.row_count.rows},
    )
    for finding, _ in table.findings:
        rows = outcome.findings.get(finding, 0)
        yield AssetCheckResult(
            check_name=finding,
            asset_key=key,
            passed=rows == 0,
            severity=AssetCheckSeverity.WARN,
            description=FAILURES[finding].format(rows=rows) if rows else DESCRIPTIONS[finding],
            metadata={"rows": rows, "rows_waiting": outcome.waiting},
        )
