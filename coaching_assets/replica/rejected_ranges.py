"""Finds the rejected rows to read again, because the program or the replica table changed since they were rejected."""

from importlib import metadata

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.replica.extraction import Range
from coaching_assets.replica.read_stamps import as_ranges

PROGRAM = metadata.version("coaching-assets")


def rejected_ranges(database: Connection, schema: str, table: str) -> list[Range] | None:
    """Return the times of `_fivetran_synced` of these rows, in order.

    A row that is rejected for a reason that still holds is not among them: the next version of it is read anyway.

    Returns:
        None if there are no such rows. An empty list if there are, but without a time: every sync reads those.
    """
    with database.cursor() as cursor:
        parameters = {"schema": schema, "table": table, "program": PROGRAM}
        cursor.execute(read_sql(__package__, "rejected_ranges.sql"), parameters)
        found = [second for (second,) in cursor.fetchall()]
    return list(as_ranges([second for second in found if second is not None])) if found else None
