"""An application's database in one environment, with its own BigQuery project."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.application import create_application_tables
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import load_settings
from coaching_assets_tests.conformance.dependents import dependents
from coaching_assets_tests.conformance.environments import Environment
from coaching_assets_tests.conformance.locales import create_database, turkish
from coaching_assets_tests.support.deployment import Deployment, bigquery_project, point_at

NUMBERS = count(1)
ROLE, PASSWORD = "coaching_sync", "only-for-this-suite"
OURS = {"coaching_sync", "gongio_ft", "gongio_ft_staging", "salesforce_ft", "salesforce_ft_staging"}
PUBLISHED = {*(table.name for table in TABLES), "sync_status"}


@dataclass
class Installation(Deployment):
    """A deployment whose queries run as the owner of the application, in the application's schema."""

    schema: str = "public"

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection as the owner that commits each statement."""
        with super().connect() as connection, connection.cursor() as cursor:
            # the triggers of one environment need the second schema; it does not exist in the others
            cursor.execute(sql.SQL("set search_path = {}, extensions").format(sql.Identifier(self.schema)))
            yield connection

    def execute(self, script: str, parameters: dict[str, Any] | None = None) -> None:
        """Run a script in the application's schema; percent signs are plain text without parameters."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(script, parameters)

    def applications_tables(self) -> list[sql.Identifier]:
        """Every table that is neither published nor this project's own."""
        found = self.query(
            "select nspname, relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
            " where relkind = 'r' and nspname !~ '^(pg_|information_schema)' and pg_partition_root(pg_class.oid) is"
            " distinct from to_regclass('transcripts') order by 1, 2"
        )
        return [sql.Identifier(*name) for name in found if name[0] not in OURS and name[1] not in PUBLISHED]

    def peoples_work(self) -> dict[str, list[str]]:
        """Every row of the application's own tables, as text."""
        with self.connect() as connection, connection.cursor() as cursor:
            work: dict[str, list[str]] = {}
            for table in self.applications_tables():
                cursor.execute(sql.SQL("select row::text from {} as row order by 1").format(table))
                work[table.as_string(connection)] = [row for (row,) in cursor.fetchall()]
            return work


@contextmanager
def installed_in(
    environment: Environment,
    postgres: EmbeddedPostgres,
    emulator: BigQueryEmulator,
    variables: pytest.MonkeyPatch,
) -> Iterator[Installation]:
    """Create the database and a BigQuery project, and point the variables of the process at them."""
    name = f"conformance{next(NUMBERS)}_{postgres.port}"
    create_database(postgres, name, turkish(postgres) if environment.is_turkish else "")
    with bigquery_project(name, emulator) as project:
        installation = Installation(name, postgres, project, schema=environment.schema)
        point_at(installation, emulator, variables)
        variables.setenv("COACHING_SCHEMA", environment.schema)
        create_application_tables(load_settings())
        for setting, value in environment.settings.items():
            installation.query(f"alter database {name} set {setting} = {value}")
        _run_scripts(installation, environment)
        if environment.has_least_rights:
            variables.setenv("DATABASE_URL", installation.url.replace("postgres:postgres@", f"{ROLE}:{PASSWORD}@"))
        yield installation


def _run_scripts(installation: Installation, environment: Environment) -> None:
    for name in environment.before:
        installation.execute(environment.script(name))
    for dependent in dependents():
        installation.execute(dependent.tables)
    # like the page on security says: the schema's name in the script is replaced
    roles = read_sql("coaching_assets.postgres", "roles.sql").replace("'public'", f"'{environment.schema}'")
    installation.execute(roles)
    installation.execute(f"alter role {ROLE} login nobypassrls password '{PASSWORD}'")
    for name in environment.after:
        installation.execute(environment.script(name))
