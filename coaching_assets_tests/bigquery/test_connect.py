"""`connect` imports Google's client without pandas, and leaves pandas importable for others."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from coaching_assets.bigquery import connect
from coaching_assets.settings import Settings
assert "google.cloud" not in sys.modules
connect(Settings(bigquery_project="p"))
assert "google.cloud.bigquery" in sys.modules
assert "pandas" not in sys.modules
import pandas
assert pandas.DataFrame
"""

WITHOUT_GOOGLE = """
import sys
from coaching_assets.bigquery import column_hints, connect, errors, identifiers, tables
print(sorted({"google.cloud", "google.api_core", "grpc", "pyarrow", "pandas"} & sys.modules.keys()))
"""


def run(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.integration
def test_connecting_imports_the_client_without_pandas() -> None:
    run(PROGRAM)


@pytest.mark.integration
def test_the_light_modules_import_nothing_of_google_or_arrow() -> None:
    assert run(WITHOUT_GOOGLE) == "[]"


@pytest.mark.integration
def test_metadata_requests_do_not_import_the_modules_that_read_rows() -> None:
    program = """
import sys
import coaching_assets.bigquery.client
package = "coaching_assets.bigquery."
print(sorted({package + name for name in ("reading", "storage", "streams", "arrow")} & sys.modules.keys()))
"""
    assert run(program) == "[]"
