"""The SQL files beside the code."""

from importlib import resources

from psycopg2.extensions import connection as Connection


def read_sql(package: str, name: str) -> str:
    """Read an SQL file of a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def run_sql_file(database: Connection, package: str, name: str) -> None:
    """Run an SQL file of a package in the connection's current transaction."""
    with database.cursor() as cursor:
        cursor.execute(read_sql(package, name))
