"""The engine's side of BigQuery: connection, metadata, table reads, query jobs, and their errors.

Callers use `connect`. It imports Google's libraries late, because they take 0.4 s of processor time, and all other
definitions 1.3 s (medians of 7 runs by turns). `errors`, `tables`, `column_hints` and `identifiers` do not import them,
so any module may import those at its top.
"""

from typing import TYPE_CHECKING

from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery


def connect(settings: Settings) -> "BigQuery":
    """Create the connection that the settings describe; no request is sent yet.

    Raises:
        SettingError: a setting is missing or wrong, as far as that shows without a network.
    """
    from coaching_assets.bigquery.client import BigQuery

    return BigQuery(settings)
