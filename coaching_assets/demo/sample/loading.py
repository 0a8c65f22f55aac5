"""Loads a sample into BigQuery or its emulator."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from coaching_assets.demo.sample.model import Sample, SampleTable

if TYPE_CHECKING:
    from google.cloud.bigquery import Client


def load(
    client: "Client",
    project: str,
    sample: Sample,
    gong_dataset: str = "gongio_ft",
    salesforce_dataset: str = "salesforce_ft",
    tables: Sequence[str] | None = None,
) -> None:
    """Replace the tables of a sample in BigQuery. Missing datasets are created.

    Args:
        client: a client of any project.
        project: the project of the datasets.
        sample: the tables to load.
        gong_dataset: the dataset for Gong's tables.
        salesforce_dataset: the dataset for Salesforce's tables.
        tables: names such as `call`, or `gong.opportunity` for a name that both datasets have; None for all.
    """
    datasets = {"gong": gong_dataset, "salesforce": salesforce_dataset}
    for dataset in datasets.values():
        client.create_dataset(f"{project}.{dataset}", exists_ok=True)
    for (kind, name), table in sample.tables.items():
        if tables is None or name in tables or f"{kind}.{name}" in tables:
            load_table(client, f"{project}.{datasets[kind]}.{name}", table)


def load_table(client: "Client", table_id: str, table: SampleTable) -> None:
    """Replace one table with a parquet load job. `table_id` is `project.dataset.table`."""
    from google.api_core.exceptions import NotFound
    from google.cloud.bigquery import LoadJobConfig

    schema = [field.schema_field() for field in table.fields]
    try:
        existing = [(field.name, field.field_type) for field in client.get_table(table_id).schema]
    except NotFound:
        existing = []
    if existing and existing != [(field.name, field.field_type) for field in schema]:
        # the emulator keeps the old columns on WRITE_TRUNCATE
        client.delete_table(table_id)
    config = LoadJobConfig(source_format="PARQUET", schema=schema, write_disposition="WRITE_TRUNCATE")
    file = io.BytesIO()
    pq.write_table(table.rows, file, compression="zstd")
    client.load_table_from_file(file, table_id, rewind=True, job_config=config).result()
    # in the emulator, a load job does not update the table's modification time
    loaded = client.get_table(table_id)
    loaded.labels = {**loaded.labels, "loaded": f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"}
    client.update_table(loaded, ["labels"])
