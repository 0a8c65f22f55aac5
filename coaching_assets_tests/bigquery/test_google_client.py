"""Google's client is imported without pandas, which whoever wants it can import all the same."""

import subprocess
import sys

PROGRAM = """
import sys
from coaching_assets.bigquery.google_client import import_client
import_client()
assert "google.cloud.bigquery" in sys.modules
assert not {"pandas", "google.cloud.bigquery_storage_v1"} & sys.modules.keys()
import pandas
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
assert pandas.DataFrame and BigQueryReadClient
"""


def test_the_client_is_imported_without_what_it_can_do_without() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], check=True)
