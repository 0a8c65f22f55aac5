"""Imports Google's client for BigQuery without what that imports for conveniences which nothing here uses."""

import sys
from importlib import import_module
from typing import cast

UNUSED = ("pandas", "google.cloud.bigquery_storage_v1")
"""pandas is there because dlt's extra `bigquery` brings it. Of the Storage Read API's client the other one wants a
constant; it is imported where a table is read. Together they are half of a second at the start of every process."""


def import_client() -> None:
    """Import `google.cloud.bigquery`, unless it was imported before.

    It does without these packages where they are not installed, and takes them for that here.
    """
    if "google.cloud.bigquery" in sys.modules:
        return
    modules = cast(dict[str, object], sys.modules)
    hidden = [name for name in UNUSED if name not in modules]
    # by its own rules Python raises ImportError for a module that is None
    modules.update(dict.fromkeys(hidden))
    try:
        import_module("google.cloud.bigquery")
    finally:
        for name in hidden:
            del modules[name]
