"""The reconciliation as asset checks: `equals_source` on the replica, `equals_replica` on the published tables."""

from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    multi_asset_check,
)

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.defs.failures import as_failure
from coaching_assets.defs.keys import published_key, replica_key
from coaching_assets.defs.resources import BigQueryResource, PostgresResource
from coaching_assets.publish.plan import AS_DIFFERENCE, CHANGES, TablePlan
from coaching_assets.publish.tables import TABLES as PUBLISHED_TABLES
from coaching_assets.reconcile.differences import KINDS, Comparison, Proof
from coaching_assets.reconcile.reconciliation import Reconciliation
from coaching_assets.settings import Settings

EQUALS_SOURCE = "equals_source"
EQUALS_REPLICA = "equals_replica"


def reconciliation_check_keys(settings: Settings) -> list[AssetCheckKey]:
    """The keys of all reconciliation checks."""
    return [spec.key for spec in _specs(settings)]


def reconciliation_checks(settings: Settings) -> AssetChecksDefinition:
    """The checks, in one step: a repair of the replica changes what is published, so both are compared together.

    A run that materializes assets skips them. Dagster adds all checks of an asset to such a run, but these query all
    rows of all tables.
    """

    @multi_asset_check(name="reconciliation", specs=_specs(settings), can_subset=True)
    def checks(
        context: AssetCheckExecutionContext, bigquery: BigQueryResource, postgres: PostgresResource
    ) -> Iterator[AssetCheckResult]:
        from coaching_assets.reconcile.reconciliation import reconcile

        if context.run.asset_selection:
            context.log.info("The job coaching_reconciliation evaluates the reconciliation checks.")
            return
        with as_failure():
            current = postgres.settings.load()
            with bigquery.connect() as client:
                client.meter.run = context.run.run_id
                result = reconcile(current, client, repair=current.reconcile_repair, report=context.log.info)
        for sentence in result.skipped:
            context.log.warning(sentence)
        for check in _results(current, result):
            assert check.asset_key is not None
            assert check.check_name is not None
            if AssetCheckKey(check.asset_key, check.check_name) in context.selected_asset_check_keys:
                yield check

    return checks


def _specs(settings: Settings) -> list[AssetCheckSpec]:
    replica = [
        AssetCheckSpec(
            EQUALS_SOURCE,
            asset=replica_key(settings, table),
            description="The table has the rows that BigQuery has now, with the same values in the compared columns.",
        )
        for table in SOURCE_TABLES
    ]
    published = [
        AssetCheckSpec(
            EQUALS_REPLICA,
            asset=published_key(table),
            description="The table equals a fresh computation from the whole replica.",
        )
        for table in PUBLISHED_TABLES
    ]
    return [*replica, *published]


def _results(settings: Settings, result: Reconciliation) -> Iterator[AssetCheckResult]:
    skipped = " ".join(result.skipped)
    for table, comparison in result.comparisons.items():
        yield AssetCheckResult(
            check_name=EQUALS_SOURCE,
            asset_key=replica_key(settings, table),
            passed=comparison.is_equal and not comparison.hidden,
            severity=_severity(comparison),
            description=_description(comparison, skipped),
            metadata=check_metadata(comparison, result.found),
        )
    for published in PUBLISHED_TABLES:
        planned = result.plan.tables[published.name]
        yield AssetCheckResult(
            check_name=EQUALS_REPLICA,
            asset_key=published_key(published),
            passed=planned.changes == 0,
            severity=AssetCheckSeverity.ERROR,
            description=skipped if planned.changes and skipped else None,
            metadata=_of_plan(published.name, planned, result),
        )


def _severity(comparison: Comparison) -> AssetCheckSeverity:
    """A warning if the daily limit postponed the comparison, or if nothing differs in the rows that BigQuery shows.

    The limit is a decision of the operator, and the comparison follows by itself.
    """
    warns = comparison.state == "postponed" or comparison.is_equal
    return AssetCheckSeverity.WARN if warns else AssetCheckSeverity.ERROR


def _description(comparison: Comparison, skipped: str) -> str | None:
    if comparison.reason:
        return comparison.reason
    sentences = [comparison.restriction, "" if comparison.is_equal else skipped]
    return " ".join(filter(None, sentences)) or None


def _equal_label(comparison: Comparison) -> str:
    """What the number of equal rows proves."""
    if comparison.hidden:
        return "rows_equal_of_visible_rows"
    if comparison.proof is not None:
        return "rows_equal_in_compared_slices"
    return "rows_equal_in_compared_columns" if comparison.left_out else "rows_proven_equal"


def check_metadata(comparison: Comparison, found: dict[str, int]) -> dict[str, Any]:
    """The metadata of a replica table's check; `found` maps names of tables to rows that differed before a repair."""
    differing = sum(comparison.rows.values()) + comparison.withheld
    return {
        "state": comparison.state,
        _equal_label(comparison): comparison.equal,
        "as_of": comparison.as_of.isoformat(),
        **{f"rows_{kind}": comparison.rows[kind] for kind in KINDS},
        "rows_not_synced_yet": comparison.pending,
        "rows_withheld": comparison.withheld,
        "rows_not_shown": comparison.not_shown,
        "rows_rejected": comparison.rejected,
        "rows_repaired": max(found.get(comparison.name, 0) - differing, 0),
        "examples": {kind: comparison.examples[kind] for kind in KINDS if comparison.examples[kind]},
        "columns_not_compared": list(comparison.left_out),
        **(_of_slices(comparison, comparison.proof) if comparison.proof is not None else {}),
    }


def _of_slices(comparison: Comparison, proof: Proof) -> dict[str, Any]:
    return {
        "slices": proof.total,
        "slices_proven": proof.proven,
        "slices_proven_since": proof.oldest.isoformat() if proof.oldest is not None else "never",
        "slices_overdue": proof.overdue,
        "slices_too_large": list(proof.oversized),
        "slices_compared_now": [name for part in comparison.parts for name in part.slices],
        "rows_perhaps_in_other_slices": comparison.unplaced,
    }


def _of_plan(name: str, planned: TablePlan, result: Reconciliation) -> dict[str, Any]:
    return {
        "rows_proven_equal": planned.equal,
        "as_of": result.plan.as_of.isoformat(),
        **{f"rows_{AS_DIFFERENCE[action]}": planned.rows[action] for action in CHANGES},
        "rows_kept": planned.rows["kept"],
        "rows_repaired": max(result.found.get(name, 0) - planned.changes, 0),
        "examples": {
            AS_DIFFERENCE[action]: [str(example) for example in planned.examples[action]]
            for action in CHANGES
            if planned.examples[action]
        },
    }
