"""The checks that publishing a table yields: their specs, and their results after a sync."""

from collections.abc import Iterator

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey

from coaching_assets.publish.outcome import Outcome
from coaching_assets.publish.published_table import PublishedTable

ROWS_PUBLISHABLE = "rows_publishable"
ROWS_ACCOUNTED_FOR = "rows_accounted_for"

DESCRIPTIONS = {
    ROWS_PUBLISHABLE: "Every source row can be published.",
    ROWS_ACCOUNTED_FOR: "After a sync, the table has every row that the sync computed. Otherwise nothing is published.",
}


def integrity_specs(table: PublishedTable, key: AssetKey) -> list[AssetCheckSpec]:
    """The checks of one published table; `rows_accounted_for` blocks."""
    descriptions = DESCRIPTIONS | {check.name: check.description for check in table.checks}
    return [
        AssetCheckSpec(name, asset=key, description=description, blocking=name == ROWS_ACCOUNTED_FOR)
        for name, description in descriptions.items()
    ]


def integrity_results(
    table: PublishedTable, key: AssetKey, outcome: Outcome, rejected_error: int
) -> Iterator[AssetCheckResult]:
    """The results of one table's checks after a sync.

    Args:
        table: the published table.
        key: its asset.
        outcome: what the sync did to it.
        rejected_error: the number of rejected rows above which the check fails with an error instead of a warning.
    """
    yield AssetCheckResult(
        check_name=ROWS_PUBLISHABLE,
        asset_key=key,
        passed=not outcome.rejected and not outcome.locked,
        severity=AssetCheckSeverity.ERROR if outcome.rejected > rejected_error else AssetCheckSeverity.WARN,
        description=_unpublished(table, outcome) or DESCRIPTIONS[ROWS_PUBLISHABLE],
        metadata={
            "rows_rejected": outcome.rejected,
            "aggregates_locked": outcome.locked,
            "error_over": rejected_error,
        },
    )
    yield AssetCheckResult(
        check_name=ROWS_ACCOUNTED_FOR,
        asset_key=key,
        passed=True,
        description="The table has every row that the sync computed.",
        metadata={"rows_computed": outcome.considered, "rows_in_table": outcome.row_count.rows},
    )
    for check in table.checks:
        rows = outcome.findings.get(check.name, 0)
        yield AssetCheckResult(
            check_name=check.name,
            asset_key=key,
            passed=rows == 0,
            severity=AssetCheckSeverity.WARN,
            description=check.failure.format(rows=rows) if rows else check.description,
            metadata={"rows": rows, "rows_waiting": outcome.waiting},
        )


def _unpublished(table: PublishedTable, outcome: Outcome) -> str:
    """Describe the rows that are not published; an empty text if all are."""
    sentences = []
    if outcome.rejected:
        sentences.append(
            f"{outcome.rejected} rows cannot be published. `coaching rejected --table {table.name}` lists them with the"
            " reasons. Repair them at the source or in the application; the next sync then publishes them."
        )
    if outcome.locked:
        sentences.append(
            f"{outcome.locked} {table.aggregate} are not up to date, because another transaction kept a row locked."
            " The next sync publishes them."
        )
    return " ".join(sentences)
