"""Finds the rows that reference a published row. Read from Postgres's catalogue, so that unknown tables count too."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.published_table import PublishedTable
from coaching_assets.publish.tables import TABLES

PUBLISHED = {table.name: table for table in TABLES}


class UnreadableReference(CoachingError):
    """A table that the database user cannot read references a published table; nothing was deleted."""


class DeletedAlong(CoachingError):
    """A deletion took rows of the application along, past every foreign key; it was rolled back."""


@dataclass(frozen=True)
class Reference:
    """A foreign key that references a published table, with its columns in the order of the columns that it names."""

    same_schema: bool
    schema: str
    table: str
    columns: tuple[str, ...]
    referenced: tuple[str, ...]
    cascades: bool
    is_readable: bool

    @property
    def is_ours(self) -> bool:
        """Whether this project writes the referencing columns.

        A column that the application added to a published table counts as the application's own.
        """
        published = PUBLISHED.get(self.table) if self.same_schema else None
        return published is not None and set(self.columns) <= {*published.owned, *published.key}

    def pairs(self, child: str, parent: str) -> sql.Composed:
        """The condition that a row with the alias `child` references the row with the alias `parent`."""
        equal = [
            sql.SQL("{} = {}").format(sql.Identifier(child, column), sql.Identifier(parent, referenced))
            for column, referenced in zip(self.columns, self.referenced, strict=True)
        ]
        return sql.SQL(" and ").join(equal)


def children_of(cursor: Cursor, table: PublishedTable) -> list[Reference]:
    """Return the references by which the deletion of a published row cascades to other published rows."""
    return [found for found in _references(cursor, table.name) if found.is_ours and found.cascades]


def blocker(cursor: Cursor, table: PublishedTable, row: str = "row") -> sql.Composable | None:
    """Return the condition that rows of the application reference a row, or a row that its deletion cascades to.

    Args:
        row: the row's alias in the condition.

    Returns:
        None if nothing references the table.

    Raises:
        UnreadableReference: the database user cannot read a referencing table.
    """
    conditions: list[sql.Composable] = []
    for found in _references(cursor, table.name):
        if found.is_ours and not found.cascades:
            continue
        if not found.is_readable:
            raise _unreadable(cursor, found, table)
        alias = f"{row}_{len(conditions)}"
        refers = sql.SQL("exists (select from {} as {} where {}").format(
            sql.Identifier(found.schema, found.table), sql.Identifier(alias), found.pairs(alias, row)
        )
        if not found.is_ours:
            # a row that references itself does not depend on another one
            itself = sql.SQL(" and ({0}.tableoid, {0}.ctid) <> ({1}.tableoid, {1}.ctid))").format(
                sql.Identifier(alias), sql.Identifier(row)
            )
            conditions.append(sql.Composed([refers, itself]))
            continue
        deeper = blocker(cursor, PUBLISHED[found.table], alias)
        if deeper is not None:
            conditions.append(sql.Composed([refers, sql.SQL(" and ("), deeper, sql.SQL("))")]))
    return sql.SQL(" or ").join(conditions) if conditions else None


def require_no_side_effects(cursor: Cursor) -> None:
    """Check that no table of the application lost rows in this transaction.

    Postgres's catalogue shows foreign keys, but not what a trigger or a rule does.

    Raises:
        DeletedAlong: a table lost rows.
    """
    cursor.execute(read_sql(__package__, "side_effects.sql"), {"published": list(PUBLISHED)})
    lost = cursor.fetchall()
    if lost:
        listed = ", ".join(f"{rows} rows of {name}" for name, rows in lost)
        raise DeletedAlong(
            f"The deletion of published rows also deleted {listed}: a trigger or a rule of the application did that."
            " The deletion was rolled back, and all other rows were published. Use a foreign key instead of the"
            " trigger: then the sync keeps the published rows that these depend on."
        )


def forget_side_effects(database: Connection) -> None:
    """Reset the counters of `require_no_side_effects`, which also count what was rolled back.

    They are reset when they are sent to the server's statistics, which Postgres does at most once per second by itself:
    https://www.postgresql.org/docs/current/monitoring-stats.html
    """
    with database.cursor() as cursor:
        cursor.execute("select pg_stat_force_next_flush()")
    database.commit()


def _references(cursor: Cursor, table: str) -> Sequence[Reference]:
    cursor.execute(read_sql(__package__, "references.sql"), {"table": table})
    return [
        Reference(same_schema, schema, child, tuple(columns), tuple(referenced), cascades, is_readable)
        for same_schema, schema, child, columns, referenced, cascades, is_readable in cursor.fetchall()
    ]


def _unreadable(cursor: Cursor, found: Reference, table: PublishedTable) -> UnreadableReference:
    cursor.execute(
        "select format('grant usage on schema %%I to %%I; grant select on %%I.%%I to %%I;', %s::text, current_user,"
        " %s::text, %s::text, current_user)",
        (found.schema, found.schema, found.table),
    )
    (grants,) = cursor.fetchone() or ("",)
    return UnreadableReference(
        f"{found.schema}.{found.table} references {table.name}, and the database user cannot read it. Its rows may"
        f" depend on rows of {table.name} that should be deleted, so nothing was published. Run: {grants}"
    )
