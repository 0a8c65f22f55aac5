"""Other ways to load the same tables with dlt: `python -m coaching_assets_tests.bench.recipes rows FOLDER`, or `stock`.

Each is a process of its own, as `coaching sync` is, and loads the same tables, from where the settings say.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import dlt

from coaching_assets.demo.sample import KEYS
from coaching_assets.settings import Settings, load_settings
from coaching_assets.source.client import BigQuery, connect

DATASET = "recipe"
"""Where a recipe loads the tables of Gong's dataset."""

Extract = Callable[[Settings, BigQuery, str, str], Iterator[Any]]


def rows(settings: Settings, bigquery: BigQuery, dataset: str, table: str) -> Iterator[Any]:
    """The common recipe: `client.query`, a dictionary a row."""
    query = f"SELECT * FROM `{settings.project()}.{dataset}.{table}`"
    for row in bigquery.rest.query(query).result(page_size=50_000):
        yield dict(row)


def batches(settings: Settings, bigquery: BigQuery, dataset: str, table: str) -> Iterator[Any]:
    """Arrow batches of the Storage Read API."""
    from google.cloud.bigquery_storage_v1.types import DataFormat, ReadSession

    project = f"projects/{settings.project()}"
    path = f"{project}/datasets/{dataset}/tables/{table}"
    session = bigquery.storage.create_read_session(
        parent=project, read_session=ReadSession(table=path, data_format=DataFormat.ARROW), max_stream_count=4
    )
    for stream in session.streams:
        for page in bigquery.storage.read_rows(stream.name).rows(session).pages:
            yield page.to_arrow()


RECIPES: dict[str, tuple[Extract, dict[str, Any]]] = {
    # dlt's `merge` with its default formats
    "rows": (rows, {"write_disposition": "merge"}),
    "stock": (
        batches,
        {"write_disposition": {"disposition": "merge", "strategy": "upsert"}, "file_format": "parquet"},
    ),
}


def load(settings: Settings, bigquery: BigQuery, name: str, folder: str) -> None:
    """Load every table by a recipe; dlt keeps its own state in the folder."""
    extract, options = RECIPES[name]
    for kind, source, target in (
        ("gong", settings.gong_dataset, DATASET),
        ("salesforce", settings.salesforce_dataset, f"{DATASET}_salesforce"),
    ):
        resources = [
            dlt.resource(
                extract(settings, bigquery, source, table),
                name=table,
                primary_key=list(key),
                # dlt refuses rows of which a part of the key is null; the sample has none, but says that it may
                columns={column: {"nullable": False} for column in key},
                **options,
            )
            for (of, table), key in KEYS.items()
            if of == kind
        ]
        pipeline = dlt.pipeline(
            pipeline_name=target,
            destination=dlt.destinations.postgres(settings.postgres_url()),
            dataset_name=target,
            pipelines_dir=folder,
        )
        pipeline.run(resources)


def main() -> None:
    """Load by the recipe that the command line names."""
    name, folder = sys.argv[1:]
    settings = load_settings()
    with connect(settings) as bigquery:
        load(settings, bigquery, name, folder)


if __name__ == "__main__":
    main()
