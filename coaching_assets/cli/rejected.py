"""`coaching rejected`: the source rows that cannot be published, with the reason, for whoever mends the source."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import connect, read_sql
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import Settings


class UnknownTable(CoachingError):
    """There is no such published table; the message lists those that there are."""


@dataclass(frozen=True)
class RejectedRow:
    """A source row that cannot be published. `source_row` is the row whole, as the replica holds it."""

    published_table: str
    source_view: str
    key: dict[str, Any]
    reason: str
    first_seen: datetime
    last_seen: datetime
    source_row: dict[str, Any] | None


def read_rejected(settings: Settings, table: str | None = None) -> list[RejectedRow]:
    """The rejected rows, by published table and key; none where nothing was ever published.

    Raises:
        UnknownTable: `table` is no published table.
        SettingError, CannotConnect: the database cannot be asked.
    """
    names = [published.name for published in TABLES]
    if table is not None and table not in names:
        raise UnknownTable(f"--table {table}: there is no such published table; there are {', '.join(names)}.")
    with connect(settings) as database, database.cursor() as cursor:
        cursor.execute("set time zone 'UTC'")
        cursor.execute("select to_regclass('coaching_sync.rejected_rows') is not null")
        if not (cursor.fetchone() or (False,))[0]:
            return []
        cursor.execute(read_sql(__package__, "rejected.sql"), {"table": table})
        return [RejectedRow(*row) for row in cursor.fetchall()]


def print_rejected(console: Console, rows: Sequence[RejectedRow]) -> None:
    """Print a table: published table, key, reason, first and last seen."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("table", no_wrap=True)
    for column in ("key", "reason"):
        table.add_column(column, overflow="fold")
    for column in ("first seen", "last seen"):
        table.add_column(f"{column} (UTC)", no_wrap=True)
    for row in rows:
        key = ", ".join(f"{name} {value if value is not None else 'missing'}" for name, value in row.key.items())
        seen = (f"{time.astimezone(UTC):%Y-%m-%d %H:%M}" for time in (row.first_seen, row.last_seen))
        table.add_row(row.published_table, escape(key), escape(row.reason), *seen)
    if rows:
        console.print(table)
    else:
        console.print("No row is rejected.")


def write_json(rows: Sequence[RejectedRow]) -> None:
    """Write the rows whole, as one JSON array, to standard output."""
    document = [asdict(row) for row in rows]
    json.dump(document, sys.stdout, default=datetime.isoformat, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
