"""Checks of Postgres: connection, version, the application's tables, and the rights of the database user."""

from collections.abc import Iterator

from psycopg2.errors import InsufficientPrivilege
from psycopg2.extensions import parse_dsn

from coaching_assets.database_url import addresses
from coaching_assets.doctor.finding import Finding
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.postgres.migrate import (
    ENCODING_REMEDY,
    SCHEMA,
    UTF8,
    applied_migrations,
    is_taken,
    migrations,
    server_encoding,
)
from coaching_assets.postgres.pooler import is_pooled, names_pooler
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.application import missing_columns
from coaching_assets.publish.row_security import hidden_rows
from coaching_assets.publish.tables import TABLES
from coaching_assets.replica.ownership import refused_tables
from coaching_assets.schema_names import STAGING
from coaching_assets.settings import Settings

MINIMUM_VERSION = 15


def check_postgres(settings: Settings) -> Iterator[Finding]:
    """Check everything that a sync needs from the application's database."""
    url = settings.postgres_url()
    with connect(settings) as database:
        where = addresses(parse_dsn(url))
        yield Finding("ok", f"Postgres answers at {where}; credentials: {settings.database_url_origin}")
        yield _check_version(database)
        yield check_encoding(database)
        yield check_direct_connection(database, url)
        yield from _check_application_tables(database, settings)
        yield from _check_rights(database, settings)
        yield check_row_security(database, settings)
        yield check_schema_version(database)
        yield from check_ownership(database, settings)


def _check_version(database: Connection) -> Finding:
    major = database.server_version // 10_000
    if major < MINIMUM_VERSION:
        return Finding("failed", f"Postgres {major} is too old", f"Upgrade to {MINIMUM_VERSION} or newer.")
    return Finding("ok", f"Postgres {major} is supported")


def check_encoding(database: Connection) -> Finding:
    """Check that the database can hold every character that BigQuery delivers."""
    if (encoding := server_encoding(database)) != UTF8:
        return Finding("failed", f"The database is encoded in {encoding}, and a sync needs {UTF8}", ENCODING_REMEDY)
    return Finding("ok", f"The database is encoded in {UTF8}")


def check_direct_connection(database: Connection, url: str) -> Finding:
    """Report a connection pooler in session mode. `connect` rejects one in transaction mode."""
    where = addresses(parse_dsn(url))
    if is_pooled(database) or names_pooler(url):
        remedy = "Point DATABASE_URL at the direct host: a session lasts there, whatever the pooler's settings."
        return Finding("warning", f"{where} is a connection pooler, which works in session mode only", remedy)
    return Finding("ok", "The connection is direct, without a pooler")


def _check_application_tables(database: Connection, settings: Settings) -> Iterator[Finding]:
    missing = missing_columns(database, settings.coaching_schema)
    if not missing:
        yield Finding("ok", f"The application's tables are in schema {settings.coaching_schema}")
    for table, columns in missing.items():
        remedy = "Set COACHING_SCHEMA to the application's schema, or run `coaching init-db` in an empty database."
        yield Finding("failed", f"{settings.coaching_schema}.{table} lacks {', '.join(columns)}", remedy)


def _check_rights(database: Connection, settings: Settings) -> Iterator[Finding]:
    with database.cursor() as cursor:
        schemas = [*settings.schemas.values(), *map(STAGING.format, settings.schemas.values())]
        parameters = {
            "schema": settings.coaching_schema,
            "tables": [*(table.name for table in TABLES), "sync_status"],
            "own_schemas": [*schemas, "coaching_sync"],
        }
        cursor.execute(read_sql(__package__, "missing_rights.sql"), parameters)
        missing = cursor.fetchall()
    for right, remedy in missing:
        yield Finding("failed", f"The database user lacks {right}", remedy)
    if not missing:
        yield Finding("ok", "The database user has all rights that a sync needs")


def check_row_security(database: Connection, settings: Settings) -> Finding:
    """Check that no policy hides rows from the database user.

    A hidden row of a table that references a call would be deleted along with the call. So a sync stops with an error
    instead of reading such a table.
    """
    hidden = hidden_rows(database, settings)
    if hidden is not None:
        return Finding("failed", hidden.sentence, hidden.remedy)
    return Finding("ok", "No row-level security hides rows from the database user")


def check_ownership(database: Connection, settings: Settings) -> Iterator[Finding]:
    """Check that the replica's schemas and tables are this project's, or can be created."""
    reasons = dict.fromkeys(refused_tables(database, settings).values())
    for reason in reasons:
        message, _, remedy = reason.partition(". ")
        yield Finding("failed", message, remedy)
    if not reasons:
        yield Finding("ok", f"The replica's schemas are {' and '.join(settings.schemas.values())}")


def check_schema_version(database: Connection) -> Finding:
    """Compare the version of the schema `coaching_sync` with the one that this program needs."""
    known = {migration.version for migration in migrations()}
    if is_taken(database):
        remedy = f"Rename it (alter schema {SCHEMA} rename to …), or use another database."
        return Finding("failed", f"Schema {SCHEMA} belongs to another program", remedy)
    try:
        applied = applied_migrations(database)
    except InsufficientPrivilege:
        database.rollback()
        remedy = f"Grant its user the rights in coaching_assets/postgres/roles.sql on schema {SCHEMA}."
        return Finding("failed", f"The database user may not read schema {SCHEMA}", remedy)
    if not applied:
        return Finding("ok", f"The next sync sets up version {max(known)} of schema {SCHEMA}")
    version = f"Schema {SCHEMA} has version {max(applied)}"
    if any(breaking and number not in known for number, breaking in applied.items()):
        remedy = "Install the newer release of coaching-assets."
        return Finding("failed", f"{version}, for which this program is too old", remedy)
    if known - applied.keys():
        return Finding("ok", f"{version}; the next sync upgrades it to version {max(known)}")
    return Finding("ok", version)
