"""Windows of late rows that were not read, because the daily limit of bytes was reached."""

from collections.abc import Iterable
from datetime import datetime

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.tables import table_exists
from coaching_assets.replica.budget import read_budget
from coaching_assets.settings import Settings

TABLE = "postponed_windows"


def postponed_windows(database: Connection, schema: str) -> dict[str, datetime]:
    """The `_fivetran_synced` from which rows must be read again, by table of one replica schema."""
    if not table_exists(database, "coaching_sync", TABLE):
        return {}
    with database.cursor() as cursor:
        cursor.execute(
            "select table_name, since from coaching_sync.postponed_windows where table_schema = %s", (schema,)
        )
        return dict(cursor.fetchall())


def are_windows_waiting(database: Connection, settings: Settings, now: datetime) -> bool:
    """Whether a sync at this time would read postponed windows: there are some, and the daily limit allows it."""
    if read_budget(database, settings, now).is_essential_only:
        return False
    return any(postponed_windows(database, schema) for schema in settings.schemas.values())


def postpone_window(database: Connection, schema: str, table: str, since: datetime) -> None:
    """Record that rows since then are not read now. An earlier time that is recorded stays."""
    with database.cursor() as cursor:
        cursor.execute(
            "insert into coaching_sync.postponed_windows as recorded values (%s, %s, %s)"
            " on conflict (table_schema, table_name) do update set since = least(recorded.since, excluded.since)",
            (schema, table, since),
        )


def forget_windows(database: Connection, schema: str, tables: Iterable[str]) -> None:
    """Delete the records of tables whose late rows were read. Call it under the schema's lock."""
    with database.cursor() as cursor:
        cursor.execute(
            "delete from coaching_sync.postponed_windows where table_schema = %s and table_name = any(%s)",
            (schema, list(tables)),
        )
