"""The engine's side of BigQuery: connection, metadata, table reads, query jobs, and their errors.

`connect` is the only door. Google's libraries, gRPC and pyarrow are imported behind it, because they take about half a
second. `errors`, `tables`, `column_hints` and `identifiers` import none of them, so any module may import those.
"""

import sys
import threading
from typing import TYPE_CHECKING, cast

from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

_import_lock = threading.Lock()


def connect(settings: Settings) -> "BigQuery":
    """Create the connection that the settings describe; no request is sent yet.

    Raises:
        SettingError: a setting is missing or wrong, as far as that shows without a network.
    """
    _import_google_client()
    from coaching_assets.bigquery.client import BigQuery

    return BigQuery(settings)


def _import_google_client() -> None:
    """Import `google.cloud.bigquery` without pandas, which it imports only to offer data frames.

    dlt's extra `bigquery` installs pandas. Without this function, a sync with nothing changed takes 8 % longer
    (2.41 s against 2.08 s, medians of 7 runs by turns).
    """
    modules = cast(dict[str, object], sys.modules)
    with _import_lock:
        if "google.cloud.bigquery" in modules or "pandas" in modules:
            return
        # Python raises ImportError for a module that is None: https://docs.python.org/3/reference/import.html
        modules["pandas"] = None
        try:
            import google.cloud.bigquery  # noqa: F401
        finally:
            del modules["pandas"]
