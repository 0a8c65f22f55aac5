"""Loads a sample into BigQuery or its emulator."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

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
    *,
    json_lines: bool = False,
) -> None:
    """Replace the tables of a sample in BigQuery. Missing datasets are created.

    Args:
        client: a client of any project.
        project: the project of the datasets.
        sample: the tables to load.
        gong_dataset: the dataset for Gong's tables.
        salesforce_dataset: the dataset for Salesforce's tables.
        tables: names such as `call`, or `gong.opportunity` for a name that both datasets have; None for all.
        json_lines: as in `load_table`.
    """
    datasets = {"gong": gong_dataset, "salesforce": salesforce_dataset}
    for dataset in datasets.values():
        client.create_dataset(f"{project}.{dataset}", exists_ok=True)
    for (kind, name), table in sample.tables.items():
        if tables is None or name in tables or f"{kind}.{name}" in tables:
            load_table(client, f"{project}.{datasets[kind]}.{name}", table, json_lines=json_lines)


def load_table(client: "Client", table_id: str, table: SampleTable, *, json_lines: bool = False) -> None:
    """Replace one table with a load job.

    Args:
        client: a client of any project.
        table_id: `project.dataset.table`.
        table: its columns and rows.
        json_lines: whether to send a table with JSON columns as lines of JSON, which BigQuery itself requires. It
            rejects Parquet for them with "Unsupported field type: JSON":
            https://github.com/googleapis/python-bigquery/issues/1966 . The emulator accepts both.
    """
    from google.api_core.exceptions import NotFound
    from google.cloud.bigquery import LoadJobConfig

    from coaching_assets.bigquery.metadata import SQL_TYPE_NAMES

    schema = [field.schema_field() for field in table.fields]
    try:
        found = client.get_table(table_id).schema
        # BigQuery answers with the API's names of types, such as INTEGER, and the emulator with the given ones
        existing = [(field.name, SQL_TYPE_NAMES.get(field.field_type, field.field_type)) for field in found]
    except NotFound:
        existing = []
    if existing and existing != [(field.name, field.field_type) for field in schema]:
        # the emulator keeps the old columns on WRITE_TRUNCATE
        client.delete_table(table_id)
    as_lines = json_lines and any(field.type == "JSON" for field in table.fields)
    source_format = "NEWLINE_DELIMITED_JSON" if as_lines else "PARQUET"
    config = LoadJobConfig(source_format=source_format, schema=schema, write_disposition="WRITE_TRUNCATE")
    file = io.BytesIO()
    if as_lines:
        _write_lines(table, file)
    else:
        pq.write_table(table.rows, file, compression="zstd")
    client.load_table_from_file(file, table_id, rewind=True, job_config=config).result()
    # in the emulator, a load job does not update the table's modification time
    loaded = client.get_table(table_id)
    loaded.labels = {**loaded.labels, "loaded": f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"}
    client.update_table(loaded, ["labels"])


def _write_lines(table: SampleTable, file: io.BytesIO) -> None:
    """Write one JSON object per row. The content of a JSON column is part of it, not a string in it.

    See https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json#loading_semi-structured_json_data .
    """
    contains_json = {field.name for field in table.fields if field.type == "JSON"}
    for row in table.rows.to_pylist():
        values = {
            name: json.loads(value) if name in contains_json else value
            for name, value in row.items()
            if value is not None
        }
        file.write(json.dumps(values, ensure_ascii=False, default=_as_text).encode() + b"\n")


def _as_text(value: Any) -> str:
    if isinstance(value, date):  # also a datetime
        return value.isoformat()
    raise TypeError(f"The sample has no values of type {type(value).__name__}.")
