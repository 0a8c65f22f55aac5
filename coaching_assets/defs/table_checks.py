"""The checks that publishing a table yields: their specs, and their results after a sync."""

from collections.abc import Iterator

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey

from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.tables import PublishedTable

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


def integrity_specs(table: PublishedTable, key: AssetKey) -> list[AssetCheckSpec]:
    """The checks of one published table; `rows_accounted_for` blocks."""
    names = [ROWS_PUBLISHABLE, ROWS_ACCOUNTED_FOR, *(finding for finding, _ in table.findings)]
    return [
        AssetCheckSpec(name, asset=key, description=DESCRIPTIONS[name], blocking=name == ROWS_ACCOUNTED_FOR)
        for name in names
    ]


def integrity_results(
    table: PublishedTable, key: AssetKey, outcome: Outcome, rejected_error: int
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
