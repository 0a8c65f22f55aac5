"""Quotes identifiers for BigQuery's SQL."""

from coaching_assets.bigquery.errors import SourceError
from coaching_assets.bigquery.tables import TableDescription


def quoted_path(table: TableDescription) -> str:
    """The table's full name: `project`.`dataset`.`table`, each part in backticks."""
    return ".".join(quoted(part) for part in (table.project, table.dataset, table.table))


def quoted(identifier: str) -> str:
    """The identifier in backticks.

    Escapes: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#quoted_identifiers

    Raises:
        SourceError: the identifier is empty or has a character that cannot be printed.
    """
    if not identifier or any(not character.isprintable() for character in identifier):
        raise SourceError(f"{identifier!r} is not a valid identifier in BigQuery. Rename the column or table there.")
    escaped = identifier.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
