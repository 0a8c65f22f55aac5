"""The servers that all ways are measured on, and for each way a project, a database and an environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2

from coaching_assets.demo.sample import COMPANY_DOMAIN, Sample, load
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres, bigquery_emulator, embedded_postgres
from coaching_assets.publish.application import create_application_tables
from coaching_assets.settings import load_settings

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

LARGEST_MESSAGE = 256 * 1024**2
SETTINGS = ("GONG_DATASET", "SALESFORCE_DATASET", "COACHING_SCHEMA", "GOOGLE_APPLICATION_CREDENTIALS", "DAGSTER_HOME")


@dataclass(frozen=True)
class Installation:
    """A BigQuery project and a Postgres database with the application's tables, both of the same name."""

    name: str
    url: str
    project: str
    emulator: BigQueryEmulator
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to work on it."""
        own = {"BIGQUERY_PROJECT": self.project, "DATABASE_URL": self.url, "COMPANY_DOMAINS": COMPANY_DOMAIN}
        kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        return kept | self.emulator.environment() | own | {"DAGSTER_DISABLE_TELEMETRY": "yes"}

    def query(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement in a transaction of its own."""
        database = psycopg2.connect(self.url)
        try:
            with database, database.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            database.close()

    def value(self, statement: str, parameters: Any = None) -> Any:
        """The first column of a query's first row."""
        return self.query(statement, parameters)[0][0]

    def wal(self) -> int:
        """The bytes of write-ahead log that the server has written so far."""
        return int(self.value("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

    def client(self) -> "Client":
        """A BigQuery client."""
        return self.emulator.client()

    def deliver(self, sample: Sample, tables: tuple[str, ...] | None = None) -> None:
        """Replace the source's tables by a sample's."""
        client = self.client()
        try:
            load(client, self.project, sample, tables=tables)
        finally:
            client.close()


@dataclass(frozen=True)
class Servers:
    """Postgres, as durable as in production, and BigQuery's emulator."""

    postgres: EmbeddedPostgres
    emulator: BigQueryEmulator
    folder: Path

    def install(self, name: str, project: str | None = None) -> Installation:
        """An installation with empty tables; `project` shares another one's source."""
        self.postgres.create_database(name)
        installation = Installation(
            name, self.postgres.url(name), project or name, self.emulator, self.folder / f"home-{name}"
        )
        installation.folder.mkdir()
        with environment_of(installation):
            create_application_tables(load_settings())
        return installation

    def copy(self, installation: Installation, name: str) -> Installation:
        """Another database with the same content, on the same source."""
        self._run(f'create database "{name}" template "{installation.name}"')
        folder = self.folder / f"home-{name}"
        folder.mkdir()
        return replace(installation, name=name, url=self.postgres.url(name), folder=folder)

    def remove(self, installation: Installation) -> None:
        """Drop the database, so that the disk need not hold them all."""
        self._run(f'drop database "{installation.name}" with (force)')

    def _run(self, statement: str) -> None:
        database = psycopg2.connect(self.postgres.url())
        try:
            database.autocommit = True
            with database.cursor() as cursor:
                cursor.execute(statement)
        finally:
            database.close()


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """Start both servers on data in the folder."""
    os.environ["BQEMU_WRITE_API_MAX_REQUEST_BYTES"] = str(LARGEST_MESSAGE)
    with embedded_postgres(folder / "postgres") as postgres, bigquery_emulator() as emulator:
        yield Servers(postgres, emulator, folder)


@contextmanager
def environment_of(installation: Installation) -> Iterator[None]:
    """This process's environment, as the installation's for a while."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(installation.environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
