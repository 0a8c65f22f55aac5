"""The rows that cannot be published, read from `coaching_sync.rejected_rows`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import connect
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import has_own_tables
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import Settings


class UnknownTable(CoachingError):
    """No published table has the name; the message lists the names."""


@dataclass(frozen=True)
class RejectedRow:
    """A row that cannot be published.

    If a rule of this project rejected it, `source_row` is the complete row as the replica has it. If Postgres rejected
    it, `sqlstate` and `constraint_name` tell why, and `wanted_row` is the row as it should be.
    """

    published_table: str
    source_view: str
    key: dict[str, Any]
    reason: str
    first_seen: datetime
    last_seen: datetime
    source_row: dict[str, Any] | None
    sqlstate: str | None
    constraint_name: str | None
    wanted_row: dict[str, Any] | None


def read_rejected(settings: Settings, table: str | None = None) -> list[RejectedRow]:
    """Read the rejected rows, ordered by published table and key.

    Args:
        settings: the database.
        table: a published table, or a table of the replica as `schema.table`; None for all.

    Returns:
        The rows; an empty list before the first sync.

    Raises:
        UnknownTable: no published table and no table of the replica has this name.
        SettingError, CannotConnect: the database cannot be reached.
    """
    names = [published.name for published in TABLES]
    replicas = {f"{settings.schemas[source.source]}.{source.name}" for source in SOURCE_TABLES}
    if table is not None and table not in names and table not in replicas:
        raise UnknownTable(
            f"--table {table}: no such published table. Choose one of {', '.join(names)}, or a table of the replica"
            " with its schema."
        )
    with connect(settings) as database, database.cursor() as cursor:
        cursor.execute("set time zone 'UTC'")
        if not has_own_tables(database):
            return []
        cursor.execute(read_sql(__package__, "rejected_rows.sql"), {"table": table})
        return [RejectedRow(*row) for row in cursor.fetchall()]
