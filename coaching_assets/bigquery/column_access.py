"""Finds the columns that policy tags keep from the account, and leaves them out of a table's description."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from coaching_assets.bigquery.errors import ColumnDenied
from coaching_assets.bigquery.tables import TableDescription

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

GRANT_COLUMNS = (
    "Grant the account Fine-Grained Reader (roles/datacatalog.categoryFineGrainedReader) on the policy tag, or remove"
    " the tag from the column."
)


def readable(bigquery: "BigQuery", table: TableDescription) -> TableDescription:
    """The table without the columns that the account may not read; they are in its `denied`.

    A read of any such column fails as a whole: https://cloud.google.com/bigquery/docs/column-level-security-intro .
    Metadata shows the tags but not the grants, so this function requests columns that have a tag, without reading a
    row. A column whose values BigQuery masks for the account counts as readable.

    Raises:
        SourceError: the request failed for another reason.
    """
    protected = [field.name for field in table.fields if field.protected]
    if not protected or _may_read(bigquery, table, protected):
        return table
    denied = tuple(name for name in protected if not _may_read(bigquery, table, [name]))
    return replace(table, fields=tuple(field for field in table.fields if field.name not in denied), denied=denied)


def _may_read(bigquery: "BigQuery", table: TableDescription, columns: Sequence[str]) -> bool:
    try:
        bigquery.read(table, columns=columns).check()
    except ColumnDenied:
        return False
    return True
