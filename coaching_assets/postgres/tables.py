"""Introspection of tables: whether they exist, their columns and their row counts."""

from collections.abc import Collection
from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

COUNTED_BYTES = 16 * 1024**2
"""Tables up to this size are counted. The row count of larger ones is an estimate."""


def table_exists(database: Connection, schema: str, table: str) -> bool:
    """Return whether a table exists."""
    with database.cursor() as cursor:
        cursor.execute("select to_regclass(format('%%I.%%I', %s::text, %s::text)) is not null", (schema, table))
        return cursor.fetchone() == (True,)


def has_own_tables(database: Connection) -> bool:
    """Return whether `coaching_sync` has all its tables: after a migration, or after a sync of release 0."""
    with database.cursor() as cursor:
        cursor.execute(
            # other programs have a table of this name, too
            "select exists (select from pg_attribute where attrelid = to_regclass('coaching_sync.schema_migrations')"
            " and attname = 'program_version')"
            " or (to_regclass('coaching_sync.withheld_rows') is not null"
            " and to_regclass('coaching_sync.last_syncs') is not null"
            " and to_regclass('coaching_sync.findings') is not null)"
        )
        return cursor.fetchone() == (True,)


def column_types(database: Connection, schema: str, table: str) -> dict[str, str]:
    """Return a table's columns in order, with their types without modifiers. Empty if the table does not exist."""
    with database.cursor() as cursor:
        cursor.execute(
            "select attname, format_type(atttypid, null) from pg_attribute"
            " where attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and attnum > 0 and not attisdropped"
            " order by attnum",
            (schema, table),
        )
        return dict(cursor.fetchall())


def column_types_in(database: Connection, schemas: Collection[str]) -> dict[tuple[str, str], dict[str, str]]:
    """Return the columns of all tables and views in some schemas, like `column_types`, by schema and name."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    with database.cursor() as cursor:
        cursor.execute(
            "select nspname, relname, attname, format_type(atttypid, null) from pg_attribute"
            " join pg_class on pg_class.oid = attrelid join pg_namespace on pg_namespace.oid = relnamespace"
            " where nspname = any (%s) and relkind = any ('{r,v,m,f,p}') and attnum > 0 and not attisdropped"
            " order by attrelid, attnum",
            (list(schemas),),
        )
        for schema, name, column, column_type in cursor:
            found.setdefault((schema, name), {})[column] = column_type
    return found


@dataclass(frozen=True)
class RowCount:
    """A row count; `is_estimate` says whether it is Postgres's estimate."""

    rows: int = 0
    is_estimate: bool = False


def count_rows(database: Connection, table: sql.Identifier) -> RowCount:
    """Count a table's rows, at a cost that does not grow with the table.

    For a large table the planner estimates the rows: those of the last `analyze`, extrapolated to the present size.
    """
    with database.cursor() as cursor:
        cursor.execute("select pg_table_size(%s::regclass)", (table.as_string(cursor),))
        size = (cursor.fetchone() or (0,))[0]
        if size <= COUNTED_BYTES:
            cursor.execute(sql.SQL("select count(*) from {}").format(table))
            return RowCount((cursor.fetchone() or (0,))[0])
        cursor.execute(sql.SQL("explain (format json) select from {}").format(table))
        plan = (cursor.fetchone() or ([{"Plan": {"Plan Rows": 0}}],))[0]
        return RowCount(int(plan[0]["Plan"]["Plan Rows"]), is_estimate=True)
