"""`coaching init-db`: the application's tables in an empty database. A sync never creates or changes them."""

from psycopg2 import sql

from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import connect, run_sql_file
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import Settings


class NotEmpty(CoachingError):
    """The schema has one of the application's tables already; the message names it."""


def init_db(settings: Settings) -> None:
    """Create the application's tables, all or none of them.

    Raises:
        SettingError, CannotConnect: the database cannot be reached.
        NotEmpty: one of the tables is there already; nothing was changed.
    """
    schema = settings.coaching_schema
    names = [*(table.name for table in TABLES), "sync_status"]
    with connect(settings) as database, database.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = %s and tablename = any(%s)", (schema, names))
        if present := sorted(row[0] for row in cursor.fetchall()):
            raise NotEmpty(
                f"Schema {schema!r} already has {', '.join(present)}: nothing was changed. init-db is for an empty"
                " database; a sync needs no init-db where the application has created its tables."
            )
        cursor.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        cursor.execute(sql.SQL("set local search_path = {}").format(sql.Identifier(schema)))
        run_sql_file(database, "coaching_assets.publish", "application_tables.sql")
        database.commit()
