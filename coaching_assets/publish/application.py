"""The application's tables: check that they exist, or create them in an empty database.

A sync never creates or changes them.
"""

from psycopg2 import sql

from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.postgres.sql_files import run_sql_file
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import Settings


class MissingTables(CoachingError):
    """Tables or columns of the application are missing; the message names them and the remedy."""


class NotEmpty(CoachingError):
    """The schema already has tables of the application; the message names them. Nothing was changed."""


def missing_columns(database: Connection, schema: str) -> dict[str, list[str]]:
    """List the columns that publishing writes and the schema lacks, by table."""
    wanted: dict[str, set[str]] = {t.name: {*t.key, *t.owned, *t.once, *t.touched} for t in TABLES}
    wanted["sync_status"] = {"entity_type", "last_sync_timestamp", "last_sync_status", "items_synced", "errors_count"}
    with database.cursor() as cursor:
        cursor.execute(
            "select relname, array_agg(attname::text) from pg_class join pg_attribute on attrelid = pg_class.oid"
            " where relnamespace = to_regnamespace(quote_ident(%s)) and attnum > 0 and not attisdropped"
            " group by relname",
            (schema,),
        )
        present: dict[str, list[str]] = dict(cursor.fetchall())
    return {
        table: missing
        for table, columns in wanted.items()
        if (missing := sorted(columns - set(present.get(table, []))))
    }


def require_application_tables(database: Connection, schema: str) -> None:
    """Check that the application's tables exist.

    Raises:
        MissingTables: a table or a column that publishing writes is missing.
    """
    missing = missing_columns(database, schema)
    if missing:
        listed = "; ".join(f"{table} ({', '.join(columns)})" for table, columns in missing.items())
        raise MissingTables(
            f"Schema {schema!r} (COACHING_SCHEMA) lacks tables or columns of the application: {listed}."
            " Set DATABASE_URL and COACHING_SCHEMA to the application's database, or run `coaching init-db` to create"
            " the tables in an empty one."
        )


def create_application_tables(settings: Settings) -> None:
    """Create the application's tables in one transaction.

    Raises:
        SettingError, CannotConnect: the database cannot be reached.
        NotEmpty: a table already exists; nothing was changed.
    """
    schema = settings.coaching_schema
    names = [*(table.name for table in TABLES), "sync_status"]
    with connect(settings) as database, database.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = %s and tablename = any(%s)", (schema, names))
        if present := sorted(row[0] for row in cursor.fetchall()):
            raise NotEmpty(
                f"Schema {schema!r} already has {', '.join(present)}, so nothing was changed. Run init-db only in an"
                " empty database. If the application has created its tables, run `coaching sync` directly."
            )
        cursor.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        cursor.execute(sql.SQL("set local search_path = {}").format(sql.Identifier(schema)))
        run_sql_file(database, __package__, "application_tables.sql")
        database.commit()
