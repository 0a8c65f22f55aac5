"""The state of the published tables, read from `sync_status` and from the last survey of the source."""

from dataclasses import dataclass

from psycopg2 import sql

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.postgres.connection import connect
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import RowCount, count_rows, has_own_tables
from coaching_assets.publish.application import require_application_tables
from coaching_assets.publish.sync_status import EntityStatus, read_entity
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import Settings


@dataclass(frozen=True)
class TableStatus:
    """One published table: its row of `sync_status`, and its number of rows."""

    entity: EntityStatus
    rows: RowCount


def read_status(settings: Settings) -> list[TableStatus]:
    """Read the state of every published table.

    Raises:
        SettingError, CannotConnect: the database cannot be reached.
        MissingTables: the application's tables do not exist.
    """
    schema = settings.coaching_schema
    with connect(settings) as database:
        require_application_tables(database, schema)
        return [
            TableStatus(
                read_entity(database, schema, table.name), count_rows(database, sql.Identifier(schema, table.name))
            )
            for table in TABLES
        ]


def missing_sources(settings: Settings) -> list[str]:
    """Describe each source table that the last sync did not find or could not load, one sentence each."""
    known = {(settings.schemas[table.source], table.name): table for table in SOURCE_TABLES}
    with connect(settings) as database, database.cursor() as cursor:
        if not has_own_tables(database):
            return []
        cursor.execute(read_sql("coaching_assets.replica", "source_tables.sql"))
        return [
            f"{settings.datasets[known[schema, name].source]}.{name} is not at the source,"
            f" so {known[schema, name].without}."
            if state == "not at the source"
            else f"{schema}.{name} could not be loaded: {reason}"
            for schema, name, state, reason in cursor.fetchall()
            if (schema, name) in known
        ]
