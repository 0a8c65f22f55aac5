"""Compares every layer with the one below it, and repairs the differences on request."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coaching_assets.bigquery import connect as connect_bigquery
from coaching_assets.bigquery.errors import LimitExceeded, SourceError
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import TABLES, SourceTable
from coaching_assets.postgres.connection import connect
from coaching_assets.publish.plan import Plan, make_plan
from coaching_assets.reconcile import withholding
from coaching_assets.reconcile.confirmation import Source
from coaching_assets.reconcile.differences import Comparison, State
from coaching_assets.reconcile.repair import Report, forget_obsolete_rejections, repair_published, repair_replica
from coaching_assets.reconcile.rotation import compare_within_limit
from coaching_assets.reconcile.slices import Part
from coaching_assets.replica.budget import Budget, read_budget
from coaching_assets.replica.ownership import refused_tables
from coaching_assets.replica.survey import Survey, survey_source
from coaching_assets.replica.usage import has_usage, record_usage, recording
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery


@dataclass
class Reconciliation:
    """The result of both comparisons; after a repair, that of the comparisons that followed it."""

    comparisons: dict[SourceTable, Comparison]
    plan: Plan
    found: dict[str, int] = field(default_factory=dict)
    """Differing rows by table before the repair; empty without a repair."""
    skipped: list[str] = field(default_factory=list)
    """One sentence per repair that was skipped: the reason and the remedy."""

    @property
    def is_equal(self) -> bool:
        """Whether all tables of both layers are equal."""
        return all(comparison.is_equal for comparison in self.comparisons.values()) and not self.plan.changes


def reconcile(
    settings: Settings,
    bigquery: "BigQuery | None" = None,
    *,
    repair: bool = False,
    force: bool = False,
    report: Report = lambda sentence: None,
) -> Reconciliation:
    """Compare all tables of both layers, and repair the differences on request.

    A table that cannot be compared does not stop the others.

    Args:
        settings: the two servers and the limits of a repair.
        bigquery: the source; None: the one that the settings describe.
        repair: whether to repair differences; the tables that differed are then compared again.
        force: whether to remove extra rows even above RECONCILE_SURPLUS_SHARE.
        report: receives one sentence per repair.

    Raises:
        SettingError: a setting is missing or wrong.
        CannotConnect: Postgres cannot be reached.
        MissingTables: the application's tables or columns are missing.
        NotLoaded: a table could not be reloaded.
    """
    bigquery = bigquery or connect_bigquery(settings)
    bigquery.meter.activity = "reconciliation"
    with recording(settings, bigquery.meter):
        return _reconcile(settings, bigquery, repair=repair, force=force, report=report)


def _reconcile(
    settings: Settings, bigquery: "BigQuery", *, repair: bool, force: bool, report: Report
) -> Reconciliation:
    survey = survey_source(bigquery, settings, TABLES, to_read=True)
    comparisons = {table: _unseen(settings, survey, table) for table in TABLES if table not in survey.present}
    with connect(settings) as database:
        refused = refused_tables(database, settings)
        budget = read_budget(database, settings)
    if budget.sentence:
        report(budget.sentence)
    comparisons |= {t: Comparison(t, settings.schemas[t.source], "failed", why) for t, why in refused.items()}
    present = {table: description for table, description in survey.present.items() if table not in refused}
    comparisons |= _compared_within(budget, bigquery, settings, present)
    with connect(settings) as database:
        result = Reconciliation(comparisons, make_plan(database, settings))
    if repair:
        forget_obsolete_rejections(settings, list(comparisons.values()))
    if not repair or result.is_equal:
        return result
    result.found = {comparison.name: sum(comparison.rows.values()) for comparison in comparisons.values()}
    result.found |= {name: table.changes for name, table in result.plan.tables.items()}
    result.skipped = repair_replica(bigquery, settings, present, list(comparisons.values()), force=force, report=report)
    done = [table for table in present if comparisons[table].state != "postponed"]
    again = [t for t in done if _is_worth_repeating(comparisons[t])]
    with connect(settings) as database, database.cursor() as cursor:
        erased = withholding.anything_was_erased(cursor)
        parts = {table: comparisons[table].parts for table in again}
        result.comparisons |= _compared(bigquery, settings, present, again, keep_lacking=erased, parts=parts)
        for comparison in (result.comparisons[table] for table in again if erased):
            withholding.record(database, comparison)
            comparison.withhold()
        database.commit()
        plan = make_plan(database, settings)
    source = Source(bigquery, settings, present)
    result.skipped += repair_published(source, list(result.comparisons.values()), plan, force=force)
    with connect(settings) as database:
        result.plan = make_plan(database, settings)
    return result


def _compared_within(
    budget: Budget, bigquery: "BigQuery", settings: Settings, present: Mapping[SourceTable, TableDescription]
) -> dict[SourceTable, Comparison]:
    """Compare the tables as far as the daily limit allows. Repairs, and the comparisons after them, have no limit."""
    if budget.is_essential_only:
        return {t: Comparison(t, settings.schemas[t.source], "postponed", budget.sentence) for t in present}
    bigquery.meter.allow(budget.remaining)
    try:
        return _compared(bigquery, settings, present, present)
    finally:
        bigquery.meter.allow(None)


def _is_worth_repeating(comparison: Comparison) -> bool:
    """Whether a comparison after the repair may have another result, or prove what this one has not."""
    if comparison.proof is not None:
        return not comparison.is_slice_proven
    return not (comparison.is_equal and comparison.is_proven)


def _compared(
    bigquery: "BigQuery",
    settings: Settings,
    present: Mapping[SourceTable, TableDescription],
    tables: Collection[SourceTable],
    *,
    keep_lacking: bool = False,
    parts: Mapping[SourceTable, tuple[Part, ...]] | None = None,
) -> dict[SourceTable, Comparison]:
    again = parts or {}
    comparisons: dict[SourceTable, Comparison] = {}
    for table in tables:
        with connect(settings) as database:
            try:
                comparisons[table] = compare_within_limit(
                    bigquery,
                    database,
                    settings,
                    table,
                    present[table],
                    keep_lacking=keep_lacking,
                    parts=again.get(table, ()),
                )
            except SourceError as error:
                state: State = "failed"
                if isinstance(error, LimitExceeded) and error.is_daily:
                    state = "postponed"
                comparisons[table] = Comparison(table, settings.schemas[table.source], state, str(error))
            if has_usage(database):
                record_usage(database, bigquery.meter)
                database.commit()
    return comparisons


def _unseen(settings: Settings, survey: Survey, table: SourceTable) -> Comparison:
    schema, name = settings.schemas[table.source], f"{settings.datasets[table.source]}.{table.name}"
    if table in survey.failed:
        return Comparison(table, schema, "failed", survey.failed[table])
    return Comparison(table, schema, "not at the source", f"{name} is not at the source.")
