"""Proves that the replica equals BigQuery and the published tables equal the replica, and mends what differs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coaching_assets.bigquery import connect as connect_bigquery
from coaching_assets.bigquery.errors import SourceError
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import TABLES, SourceTable
from coaching_assets.postgres.connection import connect
from coaching_assets.publish.plan import Plan, make_plan
from coaching_assets.reconcile import withholding
from coaching_assets.reconcile.comparison import Comparison, compare
from coaching_assets.reconcile.repair import Tell, mend
from coaching_assets.replica.survey import Survey, survey_source
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery


@dataclass
class Reconciliation:
    """What was compared. After a repair it says how things stand then; `found` says what there was to mend."""

    comparisons: dict[SourceTable, Comparison]
    plan: Plan
    found: dict[str, int] = field(default_factory=dict)
    """By table, the rows that differed before the repair; empty where nothing was mended."""
    refusals: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs, anywhere."""
        return all(comparison.is_equal for comparison in self.comparisons.values()) and not self.plan.changes


def reconcile(
    settings: Settings, *, repair: bool = False, force: bool = False, tell: Tell = lambda sentence: None
) -> Reconciliation:
    """Compare everything, and mend it where that is asked for.

    A table that cannot be compared does not keep the others from being compared.

    Args:
        settings: all of them.
        repair: whether to mend what differs; the tables that differed are then compared once more.
        force: whether to remove also what is above RECONCILE_SURPLUS_SHARE.
        tell: is called with a sentence for each thing done.

    Raises:
        SettingError, CannotConnect, MissingTables: a server or the application's tables are not as they must be.
        NotLoaded: a table could not be loaded again.
    """
    bigquery = connect_bigquery(settings)
    survey = survey_source(bigquery, settings, TABLES)
    comparisons = {table: _unseen(settings, survey, table) for table in TABLES if table not in survey.present}
    comparisons |= _compared(bigquery, settings, survey.present, survey.present)
    with connect(settings) as database:
        result = Reconciliation(comparisons, make_plan(database, settings))
    if not repair or result.is_equal:
        return result
    result.found = {comparison.name: sum(comparison.rows.values()) for comparison in comparisons.values()}
    result.found |= {name: table.changes for name, table in result.plan.tables.items()}
    result.refusals = mend(
        bigquery, settings, survey.present, list(comparisons.values()), result.plan, force=force, tell=tell
    )
    again = [table for table in survey.present if not comparisons[table].is_equal]
    with connect(settings) as database, database.cursor() as cursor:
        erased = withholding.anything_was_erased(cursor)
        result.comparisons |= _compared(bigquery, settings, survey.present, again, keep_lacking=erased)
        for comparison in (result.comparisons[table] for table in again if erased):
            withholding.note(database, comparison.schema, comparison.table.name, comparison.lacking_rows)
            comparison.withhold()
        database.commit()
        result.plan = make_plan(database, settings)
    return result


def _compared(
    bigquery: "BigQuery",
    settings: Settings,
    present: Mapping[SourceTable, TableDescription],
    tables: Collection[SourceTable],
    *,
    keep_lacking: bool = False,
) -> dict[SourceTable, Comparison]:
    comparisons: dict[SourceTable, Comparison] = {}
    for table in tables:
        with connect(settings) as database:
            try:
                comparisons[table] = compare(
                    bigquery, database, settings, table, present[table], keep_lacking=keep_lacking
                )
            except SourceError as error:
                comparisons[table] = Comparison(table, settings.datasets[table.source], "failed", str(error))
    return comparisons


def _unseen(settings: Settings, survey: Survey, table: SourceTable) -> Comparison:
    schema = settings.datasets[table.source]
    if table in survey.failed:
        return Comparison(table, schema, "failed", survey.failed[table])
    return Comparison(table, schema, "not at the source", f"{schema}.{table.name} is not at the source.")
