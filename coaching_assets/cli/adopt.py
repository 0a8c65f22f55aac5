"""`coaching adopt --dry-run`: what a first sync would do to tables that are in use already; nothing is written."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from coaching_assets.bigquery.client import connect as connect_bigquery
from coaching_assets.bigquery.errors import SourceError
from coaching_assets.catalogue import TABLES
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.publish.application import require_application_tables
from coaching_assets.publish.plan import ACTIONS, Plan, make_plan
from coaching_assets.replica import loading
from coaching_assets.replica.scratch import scratch_replica
from coaching_assets.settings import Settings

ADOPTION_IS_PART_OF_A_SYNC = (
    "Adoption is part of every sync: the first `coaching sync` takes over the rows that an earlier importer wrote, and"
    " keeps their ids. `coaching adopt --dry-run` shows beforehand what that does, without writing anything."
)


@dataclass(frozen=True)
class DryRun:
    """What a sync would do, and what that was computed from, as a sentence."""

    plan: Plan
    origin: str


def dry_run(settings: Settings, tell: Callable[[str], None]) -> DryRun:
    """Compute what the next sync would do to the application's tables.

    Where there is no replica yet, BigQuery is read into schemas of the dry run's own, which are dropped again.

    Args:
        settings: all of them.
        tell: is called with a sentence for each long step.

    Raises:
        SettingError, CannotConnect, MissingTables, SourceError: something is not as it must be.
        NotLoaded: a table could not be read.
    """
    bigquery = connect_bigquery(settings)
    with connect(settings) as database:
        require_application_tables(database, settings.coaching_schema)
        database.rollback()
        survey = loading.survey(bigquery, settings, TABLES)
        if survey.failed:
            raise SourceError(" ".join(dict.fromkeys(survey.failed.values())))
        if all(_is_filled(database, settings.datasets[table.source], table.name) for table in survey.present):
            database.rollback()
            tell("Comparing …")
            return DryRun(make_plan(database, settings), "Computed from the replica, as the last sync left it.")
        database.rollback()
        with scratch_replica(bigquery, settings, survey.present, tell) as scratch:
            tell("Comparing …")
            plan = make_plan(database, scratch)
    return DryRun(plan, "Computed from BigQuery as it is now.")


def print_dry_run(console: Console, result: DryRun) -> None:
    """Print the figures as a table, then the examples."""
    table = Table(title="What a sync would do", title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("table", no_wrap=True)
    for column in (*ACTIONS, "unchanged"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, planned in result.plan.tables.items():
        table.add_row(name, *(f"{planned.rows[action]:,}" for action in ACTIONS), f"{planned.equal:,}")
    console.print(table)
    console.print(
        "adopted: taken over from an earlier importer, under the same id; counts as updated or unchanged, too."
        " kept: deleted at the source, but application-owned rows hang on it.",
        style="dim",
        highlight=False,
    )
    for name, planned in result.plan.tables.items():
        for action in ACTIONS:
            if examples := planned.examples[action]:
                console.print(f"\n{name}, {action}:", style="bold", highlight=False)
                for example in examples:
                    console.print(f"  {example}", markup=False, highlight=False)
                if planned.rows[action] > len(examples):
                    console.print(f"  and {planned.rows[action] - len(examples):,} more", highlight=False)
    console.print(f"\n{result.origin} Nothing was written.", highlight=False)


def _is_filled(database: Connection, schema: str, table: str) -> bool:
    return loading.newest_source_time(database, schema, table) is not None
