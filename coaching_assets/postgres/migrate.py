"""Applies the migrations of the schema `coaching_sync` once each, in order; see docs/schema-versions.md."""

import re
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources

from psycopg2 import errors

from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.locks import MIGRATION_LOCK, TABLE_LOCK_SECONDS, table_locked, wait_for_advisory_lock
from coaching_assets.postgres.sql_files import read_sql

SCHEMA = "coaching_sync"
FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
UTF8 = "UTF8"
ENCODING_REMEDY = (
    "Create a database with `create database … encoding 'UTF8' template template0`, restore a dump into it, and point"
    " DATABASE_URL there."
)
HEADER = re.compile(r"-- breaking: (yes|no)\n")


class SchemaTaken(CoachingError):
    """The schema `coaching_sync` exists and belongs to another program."""


class SchemaTooNew(CoachingError):
    """A newer program changed the schema so that this one can no longer work with it."""


class WrongEncoding(CoachingError):
    """The database is not encoded in UTF-8."""


@dataclass(frozen=True)
class Migration:
    """One migration; if it is breaking, older programs cannot work with the schema."""

    version: int
    name: str
    breaking: bool
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    """The migrations of this program, by version."""
    found = []
    for file in resources.files(__package__).joinpath("migrations").iterdir():
        if named := FILE_NAME.fullmatch(file.name):
            text = file.read_text(encoding="utf-8")
            if not (header := HEADER.match(text)):
                raise ValueError(f"{file.name} does not start with '-- breaking: yes' or '-- breaking: no'")
            found.append(Migration(int(named[1]), named[2], header[1] == "yes", text))
    return tuple(sorted(found, key=lambda migration: migration.version))


def ensure_schema(database: Connection) -> None:
    """Apply the migrations that the database lacks.

    Each runs in its own transaction if the connection commits every statement, else in the current transaction.

    Raises:
        WrongEncoding: the database is not encoded in UTF-8.
        SchemaTaken: the schema belongs to another program.
        SchemaTooNew: the database has a breaking migration that this program does not know.
        TableLocked: another session holds a lock that a migration needs.
    """
    if (encoding := server_encoding(database)) != UTF8:
        raise WrongEncoding(f"The database is encoded in {encoding}, and BigQuery's text in UTF-8. {ENCODING_REMEDY}")
    applied = check_compatible(database)
    for migration in migrations():
        if migration.version not in applied:
            try:
                _apply(database, migration)
            except errors.LockNotAvailable as error:
                database.rollback()
                raise table_locked(database, [SCHEMA]) from error


def server_encoding(database: Connection) -> str:
    """The encoding of the database, as Postgres names it: UTF8, LATIN1, SQL_ASCII."""
    with database.cursor() as cursor:
        cursor.execute("show server_encoding")
        (encoding,) = cursor.fetchone() or ("",)
    return str(encoding)


def check_compatible(database: Connection) -> dict[int, bool]:
    """Return the applied migrations, if this program works with all of them; see `ensure_schema` for errors."""
    if is_taken(database):
        raise SchemaTaken(
            f"The schema {SCHEMA} exists and belongs to another program, so nothing was written."
            f" Rename it (alter schema {SCHEMA} rename to …), or use another database."
        )
    applied, known = applied_migrations(database), {migration.version for migration in migrations()}
    if unknown := [version for version, breaking in applied.items() if breaking and version not in known]:
        raise SchemaTooNew(
            f"The schema {SCHEMA} has version {max(unknown)}, but this program works with versions up to {max(known)}:"
            " install the newer release of coaching-assets."
        )
    return applied


def is_taken(database: Connection) -> bool:
    """Return whether the schema exists, has content, and has none of the tables that every release creates."""
    with database.cursor() as cursor:
        cursor.execute(read_sql(__package__, "schema_is_taken.sql"), {"schema": SCHEMA})
        return cursor.fetchone() == (True,)


def applied_migrations(database: Connection) -> dict[int, bool]:
    """The versions that the database has, each with whether it is breaking; none in a database of release 0."""
    with database.cursor() as cursor:
        # not `to_regclass`: it takes no lock, so it does not see a table that was created while we waited for our turn
        cursor.execute("select from pg_tables where (schemaname, tablename) = (%s, 'schema_migrations')", (SCHEMA,))
        if cursor.fetchone() is None:
            return {}
        cursor.execute(f"select version, breaking from {SCHEMA}.schema_migrations order by version")
        return dict(cursor.fetchall())


def _apply(database: Connection, migration: Migration) -> None:
    # psycopg2 begins a transaction here on a connection that commits every statement
    with database if database.autocommit else nullcontext():
        wait_for_advisory_lock(database, "select pg_advisory_xact_lock(%s, %s)", MIGRATION_LOCK)
        if migration.version in applied_migrations(database):
            return
        with database.cursor() as cursor:
            cursor.execute(f"set local lock_timeout = '{TABLE_LOCK_SECONDS}s'; set local client_min_messages = warning")
            cursor.execute(migration.sql)
            row = (migration.version, migration.name, migration.breaking, metadata.version("coaching-assets"))
            columns = "version, name, breaking, program_version"
            cursor.execute(f"insert into {SCHEMA}.schema_migrations ({columns}) values %s", (row,))
