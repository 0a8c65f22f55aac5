"""The application's schema: whether the tables and columns that publishing writes are there."""

from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import Connection
from coaching_assets.publish.tables import TABLES


class MissingTables(CoachingError):
    """The application's tables are not as its contract says; the message names what is missing and the remedy."""


def missing_columns(database: Connection, schema: str) -> dict[str, list[str]]:
    """The columns that publishing writes and the application's schema lacks, by table."""
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
    """Check that the application's tables are there.

    Raises:
        MissingTables: a table or a column that publishing writes is not there.
    """
    missing = missing_columns(database, schema)
    if missing:
        listed = "; ".join(f"{table} ({', '.join(columns)})" for table, columns in missing.items())
        raise MissingTables(
            f"Schema {schema!r} (COACHING_SCHEMA) lacks tables or columns of the application: {listed}."
            " Point DATABASE_URL and COACHING_SCHEMA at the application's database, or create the tables in an empty"
            " one by `coaching init-db`."
        )
