"""Erasure in the replica: deletes rows that name something erased, and erased addresses in the rows that remain."""

from collections.abc import Iterable, Iterator, Sequence

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.catalogue import TABLES, IdentityKind, SourceTable, identities_as_json
from coaching_assets.schema_names import STAGING
from coaching_assets.settings import Settings

GOING = "erasing"
"""Load id of rows about to be deleted: publishing finds their aggregates by it. It is never committed."""


def remember(cursor: Cursor, kind: IdentityKind, value: str) -> None:
    """Remember an erased value as a salted hash."""
    cursor.execute(
        "insert into coaching_sync.erased_identities (kind, hash) values (%s, coaching_sync.hash_of_erased(%s, %s))"
        " on conflict do nothing",
        (kind, kind, value),
    )


def mark(cursor: Cursor, settings: Settings) -> dict[str, int]:
    """Find all rows that name a remembered value, directly or through other rows, and mark them.

    Returns:
        The number of marked rows by table.
    """
    while sum(_reveal(cursor, name, table) for name, table in _present(cursor, settings)):
        pass
    marked: dict[str, int] = {}
    for name, table in _present(cursor, settings):
        cursor.execute(
            sql.SQL("update {} as r set _dlt_load_id = %s where {}").format(
                _identifier(settings, table), _condition(cursor, name, table)
            ),
            (GOING,),
        )
        if cursor.rowcount:
            marked[name] = cursor.rowcount
    return marked


def remove(cursor: Cursor, settings: Settings, load_id: str) -> dict[str, int]:
    """Delete the marked rows, redact the other rows, and empty the staging tables.

    Returns:
        The number of redacted rows by table; these rows get the load id.
    """
    redacted: dict[str, int] = {}
    for name, table in _present(cursor, settings):
        cursor.execute(sql.SQL("delete from {} where _dlt_load_id = %s").format(_identifier(settings, table)), (GOING,))
        cursor.execute(
            "select coaching_sync.redact_rows(%s, %s, %s)", (name, identities_as_json(table.identities), load_id)
        )
        if rows := (cursor.fetchone() or (0,))[0]:
            redacted[name] = rows
        _forget_rejected(cursor, settings, name, table)
    cursor.execute("delete from coaching_sync.refused_rows")
    for schema in map(STAGING.format, settings.schemas.values()):
        cursor.execute("select tablename from pg_tables where schemaname = %s", (schema,))
        for (staged,) in cursor.fetchall():
            if staged in {table.name for table in TABLES}:
                cursor.execute(sql.SQL("truncate {}").format(sql.Identifier(schema, staged)))
    return redacted


def sweep(cursor: Cursor, settings: Settings, tables: Iterable[SourceTable], load_ids: Sequence[str]) -> None:
    """Delete loaded rows of an erased person whom another table of the same load revealed.

    Tables are merged concurrently: a monologue can be merged before the participant that identifies its speaker.
    """
    cursor.execute("select exists (select from coaching_sync.erased_identities)")
    if not (cursor.fetchone() or (False,))[0]:
        return
    for name, table in _present(cursor, settings, tables):
        cursor.execute(
            sql.SQL("delete from {} as r where _dlt_load_id = any(%s) and ({})").format(
                _identifier(settings, table), _condition(cursor, name, table)
            ),
            (list(load_ids),),
        )


def _forget_rejected(cursor: Cursor, settings: Settings, name: str, table: SourceTable) -> None:
    """Delete the records of the table's rejected rows that name something erased."""
    recorded = f"{settings.schemas[table.source]}.{table.name}"
    for value_only in (False, True):
        cursor.execute(
            sql.SQL(
                "delete from coaching_sync.rejected_rows as rejected where published_table = %s and exists"
                " (select from jsonb_populate_record(null::{}, rejected.source_row) as r where {})"
            ).format(_identifier(settings, table), _condition(cursor, name, table, value_only=value_only)),
            (recorded,),
        )


def _condition(cursor: Cursor, name: str, table: SourceTable, *, value_only: bool = False) -> sql.Composable:
    """Build the condition that a row `r` of the table names something erased."""
    parameters = (name, identities_as_json(table.identities), value_only)
    cursor.execute("select coaching_sync.erased_condition(%s, %s, %s)", parameters)
    return sql.SQL(str((cursor.fetchone() or ("false",))[0]).replace("%", "%%"))


def _reveal(cursor: Cursor, name: str, table: SourceTable) -> int:
    cursor.execute("select coaching_sync.remember_revealed(%s, %s)", (name, identities_as_json(table.identities)))
    return int((cursor.fetchone() or (0,))[0])


def _identifier(settings: Settings, table: SourceTable) -> sql.Identifier:
    return sql.Identifier(settings.schemas[table.source], table.name)


def _present(
    cursor: Cursor, settings: Settings, tables: Iterable[SourceTable] = TABLES
) -> Iterator[tuple[str, SourceTable]]:
    """Yield the tables of the replica that exist, with their quoted names."""
    for table in tables:
        cursor.execute("select format('%%I.%%I', %s::text, %s::text)", (settings.schemas[table.source], table.name))
        name = str((cursor.fetchone() or ("",))[0])
        cursor.execute("select to_regclass(%s) is not null", (name,))
        if (cursor.fetchone() or (False,))[0]:
            yield name, table
