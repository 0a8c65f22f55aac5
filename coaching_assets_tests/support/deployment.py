"""An installation for one test: a BigQuery project and a Postgres database of its own, on the session's servers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from coaching_assets.demo.sample import COMPANY_DOMAIN, Sample, load
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


@dataclass
class Deployment:
    """The servers' addresses stand in the environment, where the project's own code looks for them."""

    name: str
    postgres: EmbeddedPostgres
    client: "Client"

    @property
    def url(self) -> str:
        return self.postgres.url(self.name)

    @property
    def settings(self) -> Settings:
        return load_settings()

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        connection = psycopg2.connect(self.url)
        try:
            connection.autocommit = True
            yield connection
        finally:
            connection.close()

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple]:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def load(self, sample: Sample, tables: Sequence[str] | None = None) -> None:
        load(self.client, self.name, sample, tables=tables)

    def sync(self) -> "SyncReport":
        from coaching_assets.cli.in_process import run_sync

        return run_sync(self.settings)

    def rows_written(self) -> dict[str, int]:
        """Rows inserted, updated and deleted since the database was made, by table of the application."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("select pg_stat_force_next_flush()")
            cursor.execute(
                "select relname, n_tup_ins + n_tup_upd + n_tup_del from pg_stat_user_tables"
                " where schemaname = 'public' and relname = any(%s)",
                (list(APPLICATION_TABLES),),
            )
            return dict(cursor.fetchall())


@contextmanager
def installed(
    name: str,
    postgres: EmbeddedPostgres,
    emulator: BigQueryEmulator,
    environment: pytest.MonkeyPatch,
    template: str | None = None,
) -> Iterator[Deployment]:
    """Make the database and point the environment at it and at a BigQuery project of that name.

    It is a copy of the database `template`, where that is given, else one with the application's tables alone.
    """
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    if template is None:
        postgres.create_database(name)
    else:
        copy_database(postgres, name, template)
    for variable, value in (emulator.environment() | {"BIGQUERY_PROJECT": name}).items():
        environment.setenv(variable, value)
    environment.setenv("DATABASE_URL", postgres.url(name))
    environment.setenv("COMPANY_DOMAINS", COMPANY_DOMAIN)
    environment.delenv("DAGSTER_HOME", raising=False)
    client = Client(
        project=name,
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=emulator.rest_url),
    )
    if template is None:
        create_application_tables(load_settings())
    yield Deployment(name, postgres, client)
    client.close()


def copy_database(postgres: EmbeddedPostgres, name: str, template: str) -> None:
    """Make a database that begins as another stands; nobody may be connected to that one."""
    connection = psycopg2.connect(postgres.url())
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            names = sql.Identifier(name), sql.Identifier(template)
            cursor.execute(sql.SQL("create database {} template {}").format(*names))
    finally:
        connection.close()
