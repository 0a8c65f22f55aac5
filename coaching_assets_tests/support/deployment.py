"""An installation for one test: a Postgres database and a BigQuery project, on the session's servers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from coaching_assets.demo.sample import COMPANY_DOMAIN, Sample, SampleTable, TableKey, load
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres
from coaching_assets.publish.application import create_application_tables
from coaching_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

    from coaching_assets.cli.in_process import SyncReport

APPLICATION_TABLES = (
    "calls",
    "speakers",
    "transcripts",
    "call_opportunities",
    "opportunities",
    "emails",
    "sync_status",
)


def rows_of(cursor: Cursor) -> list[tuple]:
    """The rows of a cursor's last statement; none if it returns no rows.

    Raises:
        ValueError: a query without columns, whose rows psycopg2 cannot return.
    """
    if cursor.description:
        return cursor.fetchall()
    if (cursor.query or b"").startswith(b"select from"):
        raise ValueError("The query has no columns. Select 1 instead of nothing.")
    return []


@dataclass
class BigQueryProject:
    """A project in the emulator or in BigQuery, and the tables that were last loaded into it."""

    name: str
    client: "Client"
    loaded: dict[TableKey, SampleTable] = field(default_factory=dict)
    datasets: tuple[str, str] = ("gongio_ft", "salesforce_ft")
    json_lines: bool = False

    def load(self, sample: Sample, tables: Sequence[str] | None = None) -> None:
        """Load these tables of a sample; None loads those that differ from the last ones loaded."""
        if tables is None:
            changed = [key for key, table in sample.tables.items() if self.loaded.get(key) is not table]
            tables = [f"{kind}.{name}" for kind, name in changed]
        load(self.client, self.name, sample, *self.datasets, tables, json_lines=self.json_lines)
        loaded = {key for key in sample.tables if {key[1], ".".join(key)} & set(tables)}
        self.loaded |= {key: sample.tables[key] for key in loaded}


@dataclass
class Database:
    """A Postgres database of one test. Its address is in the environment, where the project's code reads it."""

    name: str
    postgres: EmbeddedPostgres

    @property
    def url(self) -> str:
        return self.postgres.url(self.name)

    @property
    def settings(self) -> Settings:
        return load_settings()

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection that commits each statement."""
        connection = psycopg2.connect(self.url)
        try:
            connection.autocommit = True
            yield connection
        finally:
            connection.close()

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple]:
        """Run statements; the rows of the last one."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return rows_of(cursor)

    def rows_written(self) -> dict[str, int]:
        """Rows inserted, updated and deleted since the database was created, by table of the application."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("select pg_stat_force_next_flush()")
            cursor.execute(
                "select relname, n_tup_ins + n_tup_upd + n_tup_del from pg_stat_user_tables"
                " where schemaname = 'public' and relname = any(%s)",
                (list(APPLICATION_TABLES),),
            )
            return dict(cursor.fetchall())


@dataclass
class Deployment(Database):
    """A database and a BigQuery project. Both addresses are in the environment."""

    project: BigQueryProject

    @property
    def client(self) -> "Client":
        """A client of BigQuery; call `source_changed` after changing tables with it."""
        return self.project.client

    def load(self, sample: Sample, tables: Sequence[str] | None = None) -> None:
        """Load these tables of a sample into BigQuery; None loads those that differ from the last ones loaded."""
        self.project.load(sample, tables)

    def source_changed(self) -> None:
        """Load every table again the next time: the test has changed tables in BigQuery by other means."""
        self.project.loaded.clear()

    def sync(self) -> "SyncReport":
        from coaching_assets.cli.in_process import run_sync

        return run_sync(self.settings)


@contextmanager
def bigquery_project(name: str, emulator: BigQueryEmulator) -> Iterator[BigQueryProject]:
    """A client of a project; the emulator creates the project with its first dataset."""
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    options = ClientOptions(api_endpoint=emulator.rest_url)
    client = Client(project=name, credentials=AnonymousCredentials(), client_options=options)
    yield BigQueryProject(name, client)
    client.close()


def created(name: str, postgres: EmbeddedPostgres, environment: pytest.MonkeyPatch) -> Database:
    """Create a database with the application's tables, and point the environment at it."""
    postgres.create_database(name)
    database = Database(name, postgres)
    _point_at_database(database, environment)
    create_application_tables(load_settings())
    return database


@contextmanager
def installed(
    name: str, postgres: EmbeddedPostgres, emulator: BigQueryEmulator, environment: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    """Create such a database and a BigQuery project of the same name, and point the environment at both."""
    _point_at_project(name, emulator, environment)
    created(name, postgres, environment)
    with bigquery_project(name, emulator) as project:
        yield Deployment(name, postgres, project)


def copied(
    name: str,
    template: str,
    postgres: EmbeddedPostgres,
    emulator: BigQueryEmulator,
    project: BigQueryProject,
    environment: pytest.MonkeyPatch,
) -> Deployment:
    """Copy the database `template`, and point the environment at the copy and at a project that exists."""
    copy_database(postgres, name, template)
    deployment = Deployment(name, postgres, project)
    _point_at_project(project.name, emulator, environment)
    _point_at_database(deployment, environment)
    return deployment


def point_at(deployment: Deployment, emulator: BigQueryEmulator, environment: pytest.MonkeyPatch) -> None:
    """Point the environment at a deployment's database and project."""
    _point_at_project(deployment.project.name, emulator, environment)
    _point_at_database(deployment, environment)


def _point_at_database(database: Database, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", database.url)
    environment.setenv("COMPANY_DOMAINS", COMPANY_DOMAIN)
    environment.delenv("DAGSTER_HOME", raising=False)


def _point_at_project(name: str, emulator: BigQueryEmulator, environment: pytest.MonkeyPatch) -> None:
    for variable, value in (emulator.environment() | {"BIGQUERY_PROJECT": name}).items():
        environment.setenv(variable, value)


def copy_database(postgres: EmbeddedPostgres, name: str, template: str) -> None:
    """Create a copy of a database, to which no session may be connected."""
    connection = psycopg2.connect(postgres.url())
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            names = sql.Identifier(name), sql.Identifier(template)
            cursor.execute(sql.SQL("create database {} template {}").format(*names))
    finally:
        connection.close()
