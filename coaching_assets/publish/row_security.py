"""Finds tables whose row-level security hides rows of the application from the database user."""

from dataclasses import dataclass

from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import Settings


class RowsHidden(CoachingError):
    """Row-level security hides rows from the database user; the message names the tables and the statement."""


@dataclass(frozen=True)
class HiddenRows:
    """The tables with hidden rows, and the statements that show them to the database user."""

    tables: tuple[str, ...]
    remedy: str

    @property
    def sentence(self) -> str:
        """The finding, without the remedy."""
        return f"Row-level security hides rows of {', '.join(self.tables)} from the database user"


def hidden_rows(database: Connection, settings: Settings) -> HiddenRows | None:
    """Look at the application's tables, and at those that reference them at any depth.

    Returns:
        None if the database user sees all rows.
    """
    tables = [*(table.name for table in TABLES), "sync_status"]
    with database.cursor() as cursor:
        parameters = {"schema": settings.coaching_schema, "tables": tables}
        cursor.execute(read_sql(__package__, "row_security.sql"), parameters)
        hidden = dict(cursor.fetchall())
        cursor.execute("select format('alter role %I bypassrls;', current_user)")
        (bypass,) = cursor.fetchone() or ("",)
    if not hidden:
        return None
    remedy = f"Run as a superuser: {bypass}"
    if all(hidden.values()):
        remedy += f" Or, if the service has no superuser: {' '.join(sorted(set(hidden.values())))}"
    return HiddenRows(tuple(hidden), remedy)


def require_visible_rows(database: Connection, settings: Settings) -> None:
    """Check that the database user sees all rows. A hidden row would count as absent.

    Raises:
        RowsHidden: row-level security hides rows.
    """
    if (hidden := hidden_rows(database, settings)) is not None:
        raise RowsHidden(f"{hidden.sentence}. Nothing was compared. {hidden.remedy}")
