"""The package imports Google's libraries only behind `connect`, and the modules that read rows only for a read."""

import subprocess
import sys

WITHOUT_GOOGLE = """
import sys
from coaching_assets.bigquery import column_hints, connect, errors, identifiers, tables
print(sorted({"google.cloud", "google.api_core", "grpc", "pyarrow", "pandas"} & sys.modules.keys()))
"""


def run(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_light_modules_import_nothing_of_google_or_arrow() -> None:
    assert run(WITHOUT_GOOGLE) == "[]"


def test_metadata_requests_do_not_import_the_modules_that_read_rows() -> None:
    program = """
import sys
import coaching_assets.bigquery.client
package = "coaching_assets.bigquery."
print(sorted({package + name for name in ("reading", "storage", "streams", "arrow")} & sys.modules.keys()))
"""
    assert run(program) == "[]"
