"""Finds the rows that reference a published row. Read from Postgres's catalogue, so that unknown tables count too."""

from collections.abc import Sequence

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.published_table import PublishedTable
from coaching_assets.publish.tables import TABLES

OWN_TABLES = frozenset(table.name for table in TABLES)


def children_of(cursor: Cursor, table: PublishedTable) -> list[tuple[str, str]]:
    """Return the published tables whose rows a deletion cascades to, each with its referencing column."""
    return [
        (child, column)
        for schema_is_ours, _, child, column, cascades in _references(cursor, table.name)
        if schema_is_ours and child in OWN_TABLES and cascades
    ]


def blocker(cursor: Cursor, table: PublishedTable, row: str = "row") -> sql.Composable | None:
    """Return the condition that rows of the application reference a row, or a row that its deletion cascades to.

    Args:
        row: the row's alias in the condition.

    Returns:
        None if nothing references the table.
    """
    conditions: list[sql.Composable] = []
    for schema_is_ours, schema, child, column, cascades in _references(cursor, table.name):
        is_published = schema_is_ours and child in OWN_TABLES
        if is_published and not cascades:
            continue
        alias = f"{row}_{len(conditions)}"
        refers = sql.SQL("exists (select from {} as {} where {} = {}").format(
            sql.Identifier(schema, child),
            sql.Identifier(alias),
            sql.Identifier(alias, column),
            sql.Identifier(row, "id"),
        )
        if not is_published:
            conditions.append(sql.Composed([refers, sql.SQL(")")]))
            continue
        deeper = blocker(cursor, _published(child), alias)
        if deeper is not None:
            conditions.append(sql.Composed([refers, sql.SQL(" and ("), deeper, sql.SQL("))")]))
    return sql.SQL(" or ").join(conditions) if conditions else None


def _published(name: str) -> PublishedTable:
    return next(table for table in TABLES if table.name == name)


def _references(cursor: Cursor, table: str) -> Sequence[tuple[bool, str, str, str, bool]]:
    cursor.execute(read_sql(__package__, "references.sql"), {"table": table})
    return cursor.fetchall()
