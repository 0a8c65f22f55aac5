"""`sync_status`: shows the application how fresh each table is, and whether its last sync succeeded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg2 import sql
from psycopg2.extras import Json

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.published_table import PublishedTable
from coaching_assets.publish.views import ReplicaTable

if TYPE_CHECKING:
    from coaching_assets.publish.outcome import Outcome


MOST_REASONS = 50
"""Reasons of rejected rows in `error_details`, the most frequent ones: a message of Postgres can name a value."""


@dataclass(frozen=True)
class EntityStatus:
    """One published table: its last sync, and the source time that it reflects (None before the first sync)."""

    entity: str
    status: str
    errors: int
    newest_source_time: datetime | None
    details: dict[str, Any]


def read_entity(database: Connection, schema: str, name: str) -> EntityStatus:
    """Read the state of one published table from `sync_status`."""
    with database.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "select last_sync_status, errors_count, nullif(last_sync_timestamp, 'epoch'), error_details"
                " from {} where entity_type = %s"
            ).format(sql.Identifier(schema, "sync_status")),
            (name,),
        )
        status, errors, newest, details = cursor.fetchone() or ("never", 0, None, None)
    return EntityStatus(name, status, errors or 0, newest, details or {})


def write_status(
    database: Connection, table: PublishedTable, outcome: "Outcome", replica: Mapping[str, ReplicaTable]
) -> None:
    """Write a table's row if it differs, in the transaction that publishes."""
    details = _error_details(database, table, [replica[view] for view in table.sources])
    if outcome.locked:
        details["locked"] = f"{outcome.locked} {table.aggregate} are not up to date: another transaction locked a row"
    is_partial = outcome.rejected or outcome.locked or details.keys() & {"failed_source_tables", "rejected_source_rows"}
    _write(database, table, "partial" if is_partial else "success", outcome.rejected, details, outcome)


def write_failure(database: Connection, table: PublishedTable, sentence: str) -> None:
    """Record that publishing a table failed. Its rows stay as the last successful sync left them."""
    _write(database, table, "failed", None, {"error": sentence}, None)


def _write(
    database: Connection,
    table: PublishedTable,
    status: str,
    errors: int | None,
    details: Mapping[str, Any],
    outcome: "Outcome | None",
) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            read_sql(__package__, "sync_status.sql"),
            {
                "entity": table.name,
                "time": outcome.newest_source_time if outcome else None,
                "status": status,
                "changed": outcome.changed if outcome else 0,
                "errors": errors,
                "details": Json(details) if details else None,
            },
        )


def _error_details(database: Connection, table: PublishedTable, sources: list[ReplicaTable]) -> dict[str, Any]:
    details: dict[str, Any] = {}
    with database.cursor() as cursor:
        cursor.execute(
            "select reason, count(*) from coaching_sync.rejected_rows where published_table = %s group by reason"
            " order by count(*) desc, reason limit %s",
            (table.name, MOST_REASONS),
        )
        if rejected := dict(cursor.fetchall()):
            details["rejected"] = rejected
        cursor.execute(
            "select published_table, count(*) from coaching_sync.rejected_rows where published_table = any(%s)"
            " group by published_table order by published_table",
            ([f"{source.schema}.{source.table.name}" for source in sources],),
        )
        if rejected := dict(cursor.fetchall()):
            details["rejected_source_rows"] = rejected
        cursor.execute(
            "select state, table_schema || '.' || table_name, reason from coaching_sync.source_tables"
            " where state <> 'loaded' and (table_schema, table_name) in"
            " (select * from unnest(%s::text[], %s::text[]))",
            ([source.schema for source in sources], [source.table.name for source in sources]),
        )
        for state, name, reason in cursor.fetchall():
            if state == "failed":
                details.setdefault("failed_source_tables", {})[name] = reason
            else:
                details.setdefault("not_at_the_source", []).append(name)
    if "not_at_the_source" in details:
        details["not_at_the_source"].sort()
    return details
