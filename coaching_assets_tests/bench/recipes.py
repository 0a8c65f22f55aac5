"""Other ways to load the same tables: `python -m coaching_assets_tests.bench.recipes rows FOLDER`.

Each is a process of its own, as `coaching sync` is, and loads the same tables, from where the settings say.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import dlt
import psycopg2

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.client import BigQuery
from coaching_assets.demo.sample import KEYS
from coaching_assets.settings import Settings, load_settings

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


def tables(settings: Settings) -> Iterator[tuple[str, str, str, list[str]]]:
    """Each table: its dataset, the schema that it is loaded into, its name and its key."""
    places = {
        "gong": (settings.gong_dataset, DATASET),
        "salesforce": (settings.salesforce_dataset, f"{DATASET}_salesforce"),
    }
    for (kind, name), key in KEYS.items():
        yield *places[kind], name, list(key)


def by_dlt(settings: Settings, bigquery: BigQuery, folder: str, extract: Extract, **options: Any) -> None:
    """Load every table by dlt, which keeps its own state in the folder."""
    resources: dict[str, list[Any]] = {}
    for source, target, table, key in tables(settings):
        resource = dlt.resource(
            extract(settings, bigquery, source, table),
            name=table,
            primary_key=key,
            # dlt refuses rows of which a part of the key is null; the sample has none, but says that it may
            columns={column: {"nullable": False} for column in key},
            **options,
        )
        resources.setdefault(target, []).append(resource)
    for target, of_target in resources.items():
        pipeline = dlt.pipeline(
            pipeline_name=target,
            destination=dlt.destinations.postgres(settings.postgres_url()),
            dataset_name=target,
            pipelines_dir=folder,
        )
        pipeline.run(of_target)


def by_polars(settings: Settings, bigquery: BigQuery, folder: str) -> None:
    """Load every table whole by polars, which hands it to ADBC."""
    import polars
    import pyarrow as pa

    make_schemas(settings)
    for source, target, table, _ in tables(settings):
        frame = polars.from_arrow(pa.Table.from_batches(batches(settings, bigquery, source, table)))
        assert isinstance(frame, polars.DataFrame)
        url = settings.postgres_url()
        frame.write_database(f'{target}."{table}"', url, engine="adbc", if_table_exists="replace")


def by_duckdb(settings: Settings, bigquery: BigQuery, folder: str) -> None:
    """Load every table whole by DuckDB, whose extension for Postgres copies it in binary form."""
    import duckdb
    import pyarrow as pa
    from duckdb_extensions import import_extension

    make_schemas(settings)
    import_extension("postgres_scanner")
    with duckdb.connect() as database:
        database.load_extension("postgres_scanner")
        database.execute(f"attach '{settings.postgres_url()}' as postgres (type postgres)")
        for source, target, table, _ in tables(settings):
            found = batches(settings, bigquery, source, table)
            first = next(found)
            reader = pa.RecordBatchReader.from_batches(first.schema, chain([first], found))
            database.register("found", reader)
            database.execute(f'drop table if exists postgres.{target}."{table}"')
            database.execute(f'create table postgres.{target}."{table}" as from found')


def make_schemas(settings: Settings) -> None:
    """Make the schemas that the tables are loaded into."""
    database = psycopg2.connect(settings.postgres_url())
    try:
        with database, database.cursor() as cursor:
            for target in {target for _, target, _, _ in tables(settings)}:
                cursor.execute(f"create schema if not exists {target}")
    finally:
        database.close()


UPSERT = {"write_disposition": {"disposition": "merge", "strategy": "upsert"}, "file_format": "parquet"}

RECIPES: dict[str, Callable[[Settings, BigQuery, str], None]] = {
    # dlt's `merge` with its default formats
    "rows": partial(by_dlt, extract=rows, write_disposition="merge"),
    "stock": partial(by_dlt, extract=batches, **UPSERT),
    "polars": by_polars,
    "duckdb": by_duckdb,
}

WHOLE = ("polars", "duckdb")
"""Of these, those that load whole tables each time."""


def main() -> None:
    """Load by the recipe that the command line names."""
    name, folder = sys.argv[1:]
    settings = load_settings()
    with connect(settings) as bigquery:
        RECIPES[name](settings, bigquery, folder)


if __name__ == "__main__":
    main()
