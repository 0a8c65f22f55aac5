"""Two datasets of the suite's own, which it deletes at the end, also after a failure."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from coaching_assets.bigquery.request_settings import RETRY_SECONDS
from coaching_assets_tests.support.deployment import BigQueryProject

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

EXPIRATION = timedelta(hours=6)
"""After this time BigQuery deletes a table that nobody deleted before. The minimum is one hour:
https://cloud.google.com/bigquery/docs/updating-datasets#table-expiration"""
LABELS = {"purpose": "coaching-assets-test-live"}


@contextmanager
def own_datasets(client: "Client", project: str) -> Iterator[BigQueryProject]:
    """Create the datasets, in the location LIVE_LOCATION or else in BigQuery's default.

    Args:
        client: a client whose credentials may create datasets: roles/bigquery.user suffices,
            https://cloud.google.com/bigquery/docs/access-control#bigquery.user
        project: the project of the datasets.
    """
    from google.cloud.bigquery import Dataset
    from google.cloud.bigquery.retry import DEFAULT_RETRY

    suffix = secrets.token_hex(4)
    gong, salesforce = f"coaching_live_gong_{suffix}", f"coaching_live_salesforce_{suffix}"
    with ExitStack() as stack:
        for name in (gong, salesforce):
            dataset = Dataset(f"{project}.{name}")
            dataset.default_table_expiration_ms = int(EXPIRATION.total_seconds() * 1000)
            if location := os.environ.get("LIVE_LOCATION"):
                dataset.location = location
            dataset.labels = LABELS
            # before it is created: the request may succeed although its answer is lost
            stack.callback(client.delete_dataset, dataset.reference, delete_contents=True, not_found_ok=True)
            client.create_dataset(dataset, retry=DEFAULT_RETRY.with_timeout(RETRY_SECONDS))
        yield BigQueryProject(project, client, datasets=(gong, salesforce), json_lines=True)
