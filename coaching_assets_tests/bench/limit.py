"""The limit: binary COPY of Arrow batches that are in memory, then one set-based statement a published table."""

from collections.abc import Iterable
from importlib import resources
from time import monotonic

import psycopg2
import pyarrow as pa

from coaching_assets.demo.sample import Sample
from coaching_assets_tests.bench.servers import Installation

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
