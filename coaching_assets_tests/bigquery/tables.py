"""Loads small Arrow tables into the BigQuery emulator."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, SchemaField

SECONDS = 60


def settings_for(emulator: BigQueryEmulator, project: str) -> Settings:
    """Settings for the emulator, independent of the environment."""
    return Settings(
        bigquery_project=project,
        bigquery_emulator_host=emulator.rest_url,
        bigquery_storage_emulator_host=emulator.grpc_host,
    )


@contextmanager
def client_for(emulator: BigQueryEmulator, project: str) -> Iterator["Client"]:
    """A client for test data, in a project of the test's own."""
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    options = ClientOptions(api_endpoint=emulator.rest_url)
    client = Client(project=project, credentials=AnonymousCredentials(), client_options=options)
    yield client
    client.close()


def create(client: "Client", table: str, fields: Sequence["SchemaField"], rows: pa.Table | None = None) -> None:
    """Create `dataset.table`, with its dataset, and load the rows."""
    from google.cloud.bigquery import Table

    client.create_dataset(table.partition(".")[0], exists_ok=True, retry=None)
    client.create_table(Table(f"{client.project}.{table}", schema=list(fields)), retry=None)
    if rows is not None:
        load(client, table, rows)


def load(client: "Client", table: str, rows: pa.Table) -> None:
    """Append rows to `dataset.table` by a load job."""
    from google.cloud.bigquery import LoadJobConfig

    file = io.BytesIO()
    pq.write_table(rows, file)
    file.seek(0)
    config = LoadJobConfig(source_format="PARQUET")
    client.load_table_from_file(file, table, job_config=config).result(timeout=SECONDS)


def run(client: "Client", statement: str) -> None:
    """Run a statement to its end."""
    client.query(statement, retry=None).result(timeout=SECONDS)
