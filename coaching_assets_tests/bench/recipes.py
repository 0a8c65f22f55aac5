"""Other ways to load the same tables with dlt; each then publishes by the statements of the limit."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import dlt

from coaching_assets.demo.sample import KEYS
from coaching_assets_tests.bench.limit import PUBLISHED_FROM
from coaching_assets_tests.bench.servers import Installation

DATASET = "recipe"
Extract = Callable[[str], Iterator[Any]]


def timed(load: Callable[[Installation, Path], None], installation: Installation) -> float:
    """Load by one of the recipes; returns the seconds."""
    started = monotonic()
    load(installation, installation.folder)
    return monotonic() - started


def load_rows(installation: Installation, folder: Path) -> None:
    """The common recipe: `client.query`, a dictionary a row, dlt's resource with `merge` and its default formats."""
    client = installation.client()

    def rows(name: str) -> Iterator[Any]:
        for row in client.query(f"SELECT * FROM `{installation.project}.gongio_ft.{name}`").result(page_size=50_000):
            yield dict(row)

    try:
        _load(installation, folder, "rows", rows, write_disposition="merge")
    finally:
        client.close()


def load_stock(installation: Installation, folder: Path) -> None:
    """dlt with Arrow batches from the Storage Read API, parquet files and `upsert`, as it comes."""
    from google.cloud.bigquery_storage_v1.types import DataFormat, ReadSession

    from coaching_assets.source.client import connect
    from coaching_assets_tests.bench.servers import environment_of

    with environment_of(installation):
        from coaching_assets.settings import load_settings

        storage = connect(load_settings()).storage

        def batches(name: str) -> Iterator[Any]:
            path = f"projects/{installation.project}/datasets/gongio_ft/tables/{name}"
            session = storage.create_read_session(
                parent=f"projects/{installation.project}",
                read_session=ReadSession(table=path, data_format=DataFormat.ARROW),
                max_stream_count=4,
            )
            for stream in session.streams:
                for page in storage.read_rows(stream.name).rows(session).pages:
                    yield page.to_arrow()

        disposition = {"disposition": "merge", "strategy": "upsert"}
        _load(installation, folder, "stock", batches, write_disposition=disposition, file_format="parquet")


def _load(installation: Installation, folder: Path, name: str, extract: Extract, **options: Any) -> None:
    resources = [
        dlt.resource(
            extract(table),
            name=table,
            primary_key=list(KEYS["gong", table]),
            # dlt refuses rows of which a part of the key is null; the sample has none, but says that it may
            columns={column: {"nullable": False} for column in KEYS["gong", table]},
            **options,
        )
        for table in PUBLISHED_FROM
    ]
    pipeline = dlt.pipeline(
        pipeline_name=name,
        destination=dlt.destinations.postgres(installation.url),
        dataset_name=DATASET,
        pipelines_dir=str(folder / name),
    )
    pipeline.run(dlt.source(lambda: resources, name=name)())
