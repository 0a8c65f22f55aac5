"""A temporary replica for a dry run, in separate schemas that are dropped or emptied afterwards."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg2 import sql

from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import TABLES, SourceTable
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import column_types
from coaching_assets.replica.errors import NotLoaded, NotOurs
from coaching_assets.replica.ownership import inspect
from coaching_assets.replica.reloading import by_pipeline, run
from coaching_assets.replica.schema_lock import schema_lock
from coaching_assets.schema_names import STAGING
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

SCHEMAS: Mapping[str, str] = {"gong": "coaching_dry_run_gong", "salesforce": "coaching_dry_run_salesforce"}
"""Reserved for dry runs: existing schemas of these names are dropped, or emptied if they have grants."""
MARK = "Created by a dry run of coaching-assets, which drops it at its end."
"""Comment on the schemas. One without it is used if it is empty, or if dlt's stored schema there is this project's."""


@contextmanager
def scratch_replica(
    bigquery: "BigQuery",
    settings: Settings,
    tables: Mapping[SourceTable, TableDescription],
    notify: Callable[[str], None] = lambda sentence: None,
) -> Iterator[Settings]:
    """Load tables into the schemas of a dry run, and drop them at the end.

    Tables that a killed dry run left behind are dropped first.

    Args:
        bigquery: the source.
        settings: all settings.
        tables: the tables, with their descriptions at the source.
        notify: is called with a sentence for each pipeline.

    Yields:
        Settings whose replica is in the schemas of the dry run.

    Raises:
        NotOurs: a schema of a dry run contains something that is not this project's.
        NotLoaded: some of the tables could not be loaded.
    """
    scratch = settings.with_schemas(SCHEMAS)
    with connect(settings, autocommit=True) as database, schema_lock(database, "dry run"):
        _check(database)
        _drop(database)
        _create(database)
        try:
            failures: dict[SourceTable, str] = {}
            for pipeline, some in by_pipeline(tables):
                notify(f"Reading {', '.join(f'{settings.datasets[t.source]}.{t.name}' for t in some)} …")
                failures |= run(bigquery, scratch, pipeline, some, write_disposition="append")[1]
            if failures:
                raise NotLoaded(failures)
            for table in tables:
                _settle(database, SCHEMAS[table.source], table)
            yield scratch
        finally:
            _drop(database)


def _settle(database: Connection, schema: str, table: SourceTable) -> None:
    """Keep the newest row of each key, as the merge does, and index the columns that publishing looks up."""
    columns = frozenset(column_types(database, schema, table.name))
    names = sql.SQL(", ")
    name = sql.Identifier(schema, table.name)
    key = names.join(map(sql.Identifier, table.key_for(columns)))
    with database.cursor() as cursor:
        cursor.execute(sql.SQL(read_sql(__package__, "drop_older_duplicates.sql")).format(table=name, key=key))
        indexes = [key, *(sql.Identifier(column) for column in (*table.indexes, "_dlt_load_id") if column in columns)]
        for columns_of_index in indexes:
            cursor.execute(sql.SQL("create index on {} ({})").format(name, columns_of_index))
        cursor.execute(sql.SQL("analyze {}").format(name))


def _names() -> list[str]:
    return [name for schema in SCHEMAS.values() for name in (schema, STAGING.format(schema))]


def _create(database: Connection) -> None:
    """Create the schemas that an administrator has not prepared, each in one statement with its mark."""
    with database.cursor() as cursor:
        for name in _names():
            cursor.execute("select from pg_namespace where nspname = %s", (name,))
            if cursor.fetchone() is None:
                create = sql.SQL("create schema {0}; comment on schema {0} is {1}")
                cursor.execute(create.format(sql.Identifier(name), sql.Literal(MARK)))


def _check(database: Connection) -> None:
    with database.cursor() as cursor:
        query = "select nspname from pg_namespace where obj_description(oid, 'pg_namespace') = %s"
        cursor.execute(query, (MARK,))
        marked = {name for (name,) in cursor.fetchall()}
    for source, schema in SCHEMAS.items():
        tables = [table for table in TABLES if table.source == source]
        if schema not in marked and inspect(database, schema, tables).refused:
            raise NotOurs(
                f"A dry run needs the schemas {schema} and {STAGING.format(schema)}. One of them contains something"
                " that is not this project's. Rename or drop it."
            )


def _drop(database: Connection) -> None:
    with database.cursor() as cursor:
        cursor.execute("set client_min_messages = warning")
        cursor.execute(read_sql(__package__, "drop_scratch.sql"), {"schemas": _names()})
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
