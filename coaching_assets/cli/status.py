"""`coaching status`: how fresh each published table is, for someone at a terminal."""

from datetime import UTC, datetime

from psycopg2 import sql
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.durations import readable_age
from coaching_assets.postgres.connection import RowCount, connect, count_rows, read_sql
from coaching_assets.publish.application import require_application_tables
from coaching_assets.publish.sync_status import EntityStatus, read_entity
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import Settings

COLOURS = {"success": "green", "partial": "yellow", "failed": "red", "never": "dim"}


def read_status(settings: Settings) -> list[tuple[EntityStatus, RowCount]]:
    """The state of each published table, and its rows.

    Raises:
        SettingError, CannotConnect, MissingTables: the database cannot be asked.
    """
    with connect(settings) as database:
        require_application_tables(database, settings.coaching_schema)
        schema = settings.coaching_schema
        return [
            (read_entity(database, schema, table.name), count_rows(database, sql.Identifier(schema, table.name)))
            for table in TABLES
        ]


def absent_sources(settings: Settings) -> list[str]:
    """What is missing where a source table was not there at the last sync, a sentence each."""
    without = {(settings.datasets[t.source], t.name): t.without for t in SOURCE_TABLES}
    with connect(settings) as database, database.cursor() as cursor:
        cursor.execute("select to_regclass('coaching_sync.source_tables') is not null")
        if not (cursor.fetchone() or (False,))[0]:
            return []
        cursor.execute(read_sql("coaching_assets.replica", "source_tables.sql"))
        return [
            f"{schema}.{name} is not at the source, so {without[schema, name]}."
            if state == "not at the source"
            else f"{schema}.{name} could not be loaded: {reason}"
            for schema, name, state, reason in cursor.fetchall()
            if (schema, name) in without
        ]


def print_status(console: Console, statuses: list[tuple[EntityStatus, RowCount]], remarks: list[str]) -> None:
    """Print a table: entity, status, rows (of a large table about so many), errors, newest source time, age."""
    table = Table(title="sync_status", title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False)
    for column in ("entity", "status"):
        table.add_column(column, no_wrap=True)
    for column in ("rows", "errors"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("newest source time", no_wrap=True)
    table.add_column("age", justify="right", no_wrap=True)
    for status, count in statuses:
        newest = status.newest_source_time
        colour = COLOURS.get(status.status, "")
        table.add_row(
            status.entity,
            f"[{colour}]{status.status}[/{colour}]" if colour else status.status,
            f"{'~' if count.is_estimate else ''}{count.rows:,}",
            f"{status.errors:,}",
            newest.strftime("%Y-%m-%d %H:%M:%S UTC") if newest else "never",
            readable_age(datetime.now(UTC) - newest) if newest else "",
        )
    console.print(table)
    for status, _ in statuses:
        if reasons := status.details.get("rejected"):
            example = max(reasons, key=lambda reason: (reasons[reason], reason))
            rejected = f"{status.entity}: {status.errors:,} rejected, such as: {example}."
            console.print(f"{rejected} `coaching rejected` lists them.", style="yellow", markup=False, highlight=False)
        if error := status.details.get("error"):
            console.print(f"{status.entity}: {error}", style="red", markup=False, highlight=False)
    for remark in remarks:
        console.print(remark, style="yellow", markup=False, highlight=False)
