"""What hangs on a published row: read from Postgres's own catalogue, so that a table nobody told us of counts too."""

from collections.abc import Sequence

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.published_table import PublishedTable
from coaching_assets.publish.tables import TABLES

OWN_TABLES = frozenset(table.name for table in TABLES)


def children_of(cursor: Cursor, table: PublishedTable) -> list[tuple[str, str]]:
    """The published tables, and their columns, whose rows are deleted along with this table's."""
    return [
        (child, column)
        for schema_is_ours, _, child, column, cascades in _references(cursor, table.name)
        if schema_is_ours and child in OWN_TABLES and cascades
    ]


def blocker(cursor: Cursor, table: PublishedTable, row: str = "row") -> sql.Composable | None:
    """A condition on a row (by its alias): application-owned rows refer to it, or to what would be deleted with it.

    None where nothing refers to the table.
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
