"""The limit: binary COPY of Arrow batches that are in memory, then one set-based statement a published table.

Beside it, what a replica needs besides COPY: reading, and the indexes by which a later merge finds its rows.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from time import monotonic

import psycopg2
import pyarrow as pa
from psycopg2 import sql

from coaching_assets.bigquery import connect
from coaching_assets.catalogue import CURSOR, tables_of
from coaching_assets.demo.sample import Sample
from coaching_assets.settings import load_settings
from coaching_assets_tests.bench.servers import Installation, environment_of

BARE = "bare"
PUBLISHED_FROM = ("call", "call_speaker", "call_participant", "transcript")


def copy(installation: Installation, name: str, rows: pa.Table) -> float:
    """Copy a table's rows into a bare table of schema `bare`; returns the seconds."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(installation.url) as database, database.cursor() as cursor:
        cursor.execute(f"create schema if not exists {BARE}")
        started = monotonic()
        cursor.adbc_ingest(name, rows.to_reader(), mode="replace", db_schema_name=BARE)
        database.commit()
        return monotonic() - started


def copy_all(installation: Installation, sample: Sample, names: Iterable[str] = PUBLISHED_FROM) -> float:
    """Copy all tables that calls, speakers and transcripts are made of; returns the seconds."""
    return sum(copy(installation, name, sample["gong", name].rows) for name in names)


def read_all(installation: Installation, names: Iterable[str] = PUBLISHED_FROM) -> float:
    """Read the same tables from BigQuery as this project does, and let go of the rows; returns the seconds."""
    with environment_of(installation):
        settings = load_settings()
    with connect(settings) as bigquery, ThreadPoolExecutor() as pool:
        descriptions = [bigquery.describe(settings.gong_dataset, name) for name in names]
        streams = settings.bigquery_read_streams
        readings = [bigquery.read(found, streams=streams) for found in descriptions if found is not None]
        started = monotonic()
        for reading in readings:
            reading.open(pool)
        for reading in readings:
            for _ in reading:
                pass
        return monotonic() - started


def index_all(installation: Installation, names: Iterable[str] = PUBLISHED_FROM) -> float:
    """Index the bare tables as the replica's are, but for dlt's load id, which they have not; returns the seconds."""
    tables = [table for table in tables_of("gong_calls") if table.name in names]
    database = psycopg2.connect(installation.url)
    try:
        with database, database.cursor() as cursor:
            cursor.execute("set maintenance_work_mem = '256MB'")
            started = monotonic()
            for table in tables:
                name = sql.Identifier(BARE, table.name)
                cursor.execute(sql.SQL("select * from {} limit 0").format(name))
                columns = frozenset(column.name for column in cursor.description or ())
                key = sql.SQL(", ").join(map(sql.Identifier, table.key_for(columns)))
                cursor.execute(sql.SQL("create unique index on {} ({}) nulls not distinct").format(name, key))
                for column in (*table.indexes, CURSOR):
                    cursor.execute(sql.SQL("create index on {} ({})").format(name, sql.Identifier(column)))
            return monotonic() - started
    finally:
        database.close()


def publish(installation: Installation, schema: str = BARE) -> float:
    """Insert into the application's empty tables, with all their indexes and triggers; returns the seconds."""
    statements = resources.files(__package__).joinpath("limit.sql").read_text()
    database = psycopg2.connect(installation.url)
    try:
        with database, database.cursor() as cursor:
            cursor.execute("set time zone 'UTC'")
            cursor.execute(f"set search_path = public, {schema}")
            started = monotonic()
            cursor.execute(statements)
        return monotonic() - started
    finally:
        database.close()
