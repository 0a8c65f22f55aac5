"""The tables that dlt keeps beside the data: staging tables, stored schemas, records of loads."""

from collections.abc import Iterable

from psycopg2 import sql

from coaching_assets.catalogue import PIPELINES, PipelineName, SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import table_exists
from coaching_assets.schema_names import STAGING

DLT_TABLES = ("_dlt_version", "_dlt_loads", "_dlt_pipeline_state")
KEY_HINT = "x-coaching-key"
"""The current key columns. dlt's own hint keeps former ones, too."""
HINTED = f'"{KEY_HINT}"'
"""Text in the stored schemas of this project's pipelines, and in no others."""


def identify_rows(database: Connection, schema: str, tables: Iterable[SourceTable]) -> None:
    """Give tables of the replica, and dlt's, a replica identity, so that a publication may cover them."""
    names = [*(table.name for table in tables), *DLT_TABLES]
    with database.cursor() as cursor:
        cursor.execute(read_sql(__package__, "missing_identities.sql"), ([schema, STAGING.format(schema)], names))
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)


def prepare_staging(database: Connection, schema: str, tables: Iterable[SourceTable]) -> None:
    """Empty the staging tables that exist. Only one that may become a replica table is logged by Postgres."""
    with database.cursor() as cursor:
        for table in tables:
            names = (schema, STAGING.format(schema), table.name)
            cursor.execute("select coaching_sync.ready_staging(%s::text, %s::text, %s::text)", names)


def forget_stored_schema(database: Connection, schema: str, pipeline: PipelineName) -> None:
    """Delete dlt's stored schema, so that dlt checks which tables exist and creates one that was dropped."""
    if table_exists(database, schema, "_dlt_version"):
        with database.cursor() as cursor:
            statement = sql.SQL("delete from {} where schema_name = %s").format(sql.Identifier(schema, "_dlt_version"))
            cursor.execute(statement, (pipeline,))


def prune_loads(database: Connection, schema: str) -> None:
    """Delete records of loads that are older than 30 days. dlt's last ones, and those of other pipelines, remain."""
    with database.cursor() as cursor:
        cursor.execute("delete from coaching_sync.replica_loads where loaded_at < now() - interval '30 days'")
    if all(table_exists(database, schema, name) for name in DLT_TABLES):
        with database.cursor() as cursor:
            statements = sql.SQL(read_sql(__package__, "prune_loads.sql"))
            cursor.execute(
                statements.format(schema=sql.Identifier(schema)),
                {"pipelines": list(PIPELINES)},
            )
