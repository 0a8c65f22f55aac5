"""`coaching status`: how fresh each published table is, for someone at a terminal."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg2 import sql
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.postgres import Connection, connect, read_sql
from coaching_assets.published.tables import TABLES
from coaching_assets.published.writing import require_application_tables
from coaching_assets.settings import Settings

COLOURS = {"success": "green", "partial": "yellow", "failed": "red", "never": "dim"}


@dataclass(frozen=True)
class EntityStatus:
    """One published table: its last sync, its rows, and the source time that it reflects (None: never synced)."""

    entity: str
    status: str
    rows: int
    errors: int
    newest_source_time: datetime | None
    details: dict[str, Any]


def read_status(settings: Settings) -> list[EntityStatus]:
    """The state of each published table.

    Raises:
        SettingError, CannotConnect, MissingTables: the database cannot be asked.
    """
    with connect(settings) as database:
        require_application_tables(database, settings.coaching_schema)
        return [_entity(database, settings, table.name) for table in TABLES]


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


def print_status(console: Console, statuses: list[EntityStatus], remarks: list[str]) -> None:
    """Print a table: entity, status, rows, errors, newest source time, age."""
    table = Table(title="sync_status", title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False)
    for column in ("entity", "status"):
        table.add_column(column, no_wrap=True)
    for column in ("rows", "errors"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("newest source time", no_wrap=True)
    table.add_column("age", justify="right", no_wrap=True)
    for status in statuses:
        newest = status.newest_source_time
        colour = COLOURS.get(status.status, "")
        table.add_row(
            status.entity,
            f"[{colour}]{status.status}[/{colour}]" if colour else status.status,
            f"{status.rows:,}",
            f"{status.errors:,}",
            newest.strftime("%Y-%m-%d %H:%M:%S UTC") if newest else "never",
            readable_age(datetime.now(UTC) - newest) if newest else "",
        )
    console.print(table)
    for status in statuses:
        if reasons := status.details.get("rejected"):
            example = max(reasons, key=lambda reason: (reasons[reason], reason))
            rejected = f"{status.entity}: {status.errors:,} rejected, such as: {example}."
            console.print(f"{rejected} `coaching rejected` lists them.", style="yellow", markup=False, highlight=False)
        if error := status.details.get("error"):
            console.print(f"{status.entity}: {error}", style="red", markup=False, highlight=False)
    for remark in remarks:
        console.print(remark, style="yellow", markup=False, highlight=False)


def readable_age(age: timedelta) -> str:
    """A span of time in its two largest units: `3 d 4 h`, `2 h 5 min`, `40 s`."""
    seconds = int(age.total_seconds())
    if seconds < 0:
        return "in the future"
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    largest = next((place for place, (count, _) in enumerate(units) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in units[largest : largest + 2] if count) or "0 s"


def _entity(database: Connection, settings: Settings, name: str) -> EntityStatus:
    schema = settings.coaching_schema
    with database.cursor() as cursor:
        cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name)))
        rows = (cursor.fetchone() or (0,))[0]
        cursor.execute(
            sql.SQL(
                "select last_sync_status, errors_count, nullif(last_sync_timestamp, 'epoch'), error_details"
                " from {} where entity_type = %s"
            ).format(sql.Identifier(schema, "sync_status")),
            (name,),
        )
        status, errors, newest, details = cursor.fetchone() or ("never", 0, None, None)
    return EntityStatus(name, status, rows, errors or 0, newest, details or {})
