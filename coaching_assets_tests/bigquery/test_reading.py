"""Reading and describing tables of a real BigQuery emulator."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.client import BigQuery
from coaching_assets.bigquery.errors import SourceError, TableNotFound, Unavailable
from coaching_assets.bigquery.streams import MAX_BATCH_BYTES
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets.settings import Settings
from coaching_assets_tests.bigquery.tables import client_for, create, run, settings_for

PROJECT = "reading"
ROWS = 50_000
START = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)


@pytest.fixture(scope="module")
def bigquery(emulator: BigQueryEmulator) -> Iterator[BigQuery]:
    from google.cloud.bigquery import SchemaField

    fields = [
        SchemaField("call_id", "STRING"),
        SchemaField("index", "INTEGER", description="Which monologue."),
        SchemaField("sentence", "STRING"),
        SchemaField("_fivetran_synced", "TIMESTAMP"),
    ]
    # Every hundredth row has no time; the others are a second apart.
    times = [None if n % 100 == 0 else START + timedelta(seconds=n) for n in range(ROWS)]
    rows = pa.table(
        {
            "call_id": [f"call {n // 50}" for n in range(ROWS)],
            "index": pa.array(range(ROWS), pa.int64()),
            "sentence": [f"We said {n} things about the price." * 3 for n in range(ROWS)],
            "_fivetran_synced": pa.array(times, pa.timestamp("us", "UTC")),
        }
    )
    with client_for(emulator, PROJECT) as client:
        create(client, "gong.transcript", fields, rows)
        create(client, "gong.empty", fields)
        create(client, "gong.no_cursor", fields[:3], rows.select(["call_id", "index", "sentence"]).slice(0, 3))
        large = pa.table({"call_id": ["a", "b"], "sentence": ["x" * 50 * 1024**2, "é"]})
        create(client, "gong.large", [fields[0], fields[2]], large)
        run(client, "create view gong.recent as select call_id, `index`, _fivetran_synced from gong.transcript")
    with connect(settings_for(emulator, PROJECT)) as connection:
        yield connection


def described(bigquery: BigQuery, table: str) -> TableDescription:
    description = bigquery.describe("gong", table)
    assert description is not None
    return description


def test_every_row_arrives_once_over_several_streams(bigquery: BigQuery) -> None:
    transcript = described(bigquery, "transcript")
    reading = bigquery.read(transcript, streams=4)
    batches = list(reading)
    assert len(batches) >= 4
    assert sorted(index for batch in batches for index in batch.column("index").to_pylist()) == list(range(ROWS))
    assert reading.rows == ROWS
    assert reading.bytes > ROWS
    assert all(batch.schema.names == list(transcript.columns) for batch in batches)


def test_only_the_requested_columns_are_read(bigquery: BigQuery) -> None:
    table = described(bigquery, "transcript")
    everything, narrow = bigquery.read(table), bigquery.read(table, columns=["index", "call_id"])
    assert {tuple(batch.schema.names) for batch in narrow} == {("call_id", "index")}
    assert sum(batch.num_rows for batch in everything) == narrow.rows == ROWS
    assert narrow.bytes < everything.bytes


def test_since_is_inclusive_and_keeps_rows_without_a_time(bigquery: BigQuery) -> None:
    since = START + timedelta(seconds=ROWS - 99)
    batches = bigquery.read(described(bigquery, "transcript"), since=since, snapshot=datetime.now(UTC), streams=2)
    found = {index for batch in batches for index in batch.column("index").to_pylist()}
    assert found == set(range(ROWS - 99, ROWS)) | set(range(0, ROWS, 100))


def test_since_in_another_time_zone_means_the_same_moment(bigquery: BigQuery) -> None:
    table, since = described(bigquery, "transcript"), START + timedelta(seconds=ROWS - 99)
    elsewhere = bigquery.read(table, since=since.astimezone(timezone(timedelta(hours=-7))))
    assert sum(batch.num_rows for batch in elsewhere) == 99 + ROWS // 100
    with pytest.raises(ValueError, match="time zone"):
        bigquery.read(table, since=since.replace(tzinfo=None))


def test_a_table_without_cursor_is_read_completely(bigquery: BigQuery) -> None:
    reading = bigquery.read(described(bigquery, "no_cursor"), since=START)
    assert [batch.num_rows for batch in reading] == [3]


def test_an_empty_table_yields_one_empty_batch(bigquery: BigQuery) -> None:
    reading = bigquery.read(described(bigquery, "empty"), since=START, streams=4)
    (batch,) = list(reading)
    assert (batch.num_rows, reading.rows) == (0, 0)
    assert batch.schema.names == ["call_id", "index", "sentence", "_fivetran_synced"]


def test_a_cell_of_50_megabytes_arrives(bigquery: BigQuery) -> None:
    batches = list(bigquery.read(described(bigquery, "large")))
    assert sorted(len(text) for batch in batches for text in batch.column("sentence").to_pylist()) == [1, 50 * 1024**2]
    assert all(batch.num_rows == 1 or batch.nbytes <= MAX_BATCH_BYTES for batch in batches)


@pytest.mark.parametrize("since", [None, START + timedelta(seconds=ROWS - 99), datetime(2099, 1, 1, tzinfo=UTC)])
def test_a_view_is_read_by_a_query(bigquery: BigQuery, since: datetime | None) -> None:
    view = described(bigquery, "recent")
    assert view.kind == "VIEW"
    reading = bigquery.read(view, since=since, snapshot=START, columns=["index"], streams=4)
    found = {index for batch in reading for index in batch.column("index").to_pylist()}
    without_time = set(range(0, ROWS, 100))
    later = set(range(ROWS)) if since is None else set(range(ROWS - 99, ROWS)) if since.year < 2099 else set()
    assert found == without_time | later


def test_a_view_without_rows_yields_one_empty_batch(bigquery: BigQuery, emulator: BigQueryEmulator) -> None:
    with client_for(emulator, PROJECT) as client:
        run(client, "create or replace view gong.nothing as select call_id, `index` from gong.empty")
    (batch,) = list(bigquery.read(described(bigquery, "nothing")))
    assert (batch.num_rows, batch.schema.names) == (0, ["call_id", "index"])


def test_the_error_names_missing_columns(bigquery: BigQuery) -> None:
    with pytest.raises(SourceError, match=r"reading\.gong\.transcript has no column nope, `; drop"):
        bigquery.read(described(bigquery, "transcript"), columns=["nope", "index", "`; drop"])


def test_ending_early_leaves_no_threads(bigquery: BigQuery) -> None:
    reading = iter(bigquery.read(described(bigquery, "transcript"), streams=4))
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("bigquery-stream")]


def test_the_error_names_a_table_that_was_deleted(bigquery: BigQuery, emulator: BigQueryEmulator) -> None:
    from google.cloud.bigquery import SchemaField

    with client_for(emulator, PROJECT) as client:
        create(client, "gong.short_lived", [SchemaField("id", "STRING")])
        description = described(bigquery, "short_lived")
        client.delete_table("gong.short_lived", retry=None)
    with pytest.raises(TableNotFound, match=r"reading\.gong\.short_lived does not exist"):
        list(bigquery.read(description))


@pytest.mark.parametrize("name", ["transcript", "recent"])
def test_a_session_opened_ahead_serves_one_pass(bigquery: BigQuery, name: str) -> None:
    reading = bigquery.read(described(bigquery, name), columns=["index"], streams=2)
    with ThreadPoolExecutor(max_workers=1) as pool:
        reading.open(pool)
    for _ in range(2):
        assert sorted(index for batch in reading for index in batch.column("index").to_pylist()) == list(range(ROWS))


def test_an_error_of_opening_ahead_is_raised_by_the_iteration(bigquery: BigQuery, emulator: BigQueryEmulator) -> None:
    from google.cloud.bigquery import SchemaField

    with client_for(emulator, PROJECT) as client:
        create(client, "gong.gone", [SchemaField("id", "STRING")])
        reading = bigquery.read(described(bigquery, "gone"))
        client.delete_table("gong.gone", retry=None)
    with ThreadPoolExecutor(max_workers=1) as pool:
        reading.open(pool)
    with pytest.raises(TableNotFound, match=r"reading\.gong\.gone does not exist"):
        list(reading)


def test_a_description_has_the_tables_metadata(bigquery: BigQuery) -> None:
    table = described(bigquery, "transcript")
    assert (table.kind, table.row_count) == ("TABLE", ROWS)
    assert [(f.name, f.type, f.mode) for f in table.fields] == [
        ("call_id", "STRING", "NULLABLE"),
        ("index", "INT64", "NULLABLE"),
        ("sentence", "STRING", "NULLABLE"),
        ("_fivetran_synced", "TIMESTAMP", "NULLABLE"),
    ]
    assert table.fields[1].description == "Which monologue."
    assert table.modified is not None and table.modified.tzinfo is not None


def test_the_description_of_a_missing_table_is_none(bigquery: BigQuery) -> None:
    assert bigquery.describe("gong", "missing") is None
    assert bigquery.describe("no_dataset", "call") is None
    assert bigquery.table_names("no_dataset") is None
    assert bigquery.table_names("gong") >= {"transcript", "empty", "recent"}  # type: ignore[operator]


def test_the_error_names_the_setting_of_an_unreachable_host(bigquery: BigQuery) -> None:
    table = described(bigquery, "transcript")
    with socket.socket() as reserved:
        # Bound and not listening: connections are refused, and no one else takes the port.
        reserved.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{reserved.getsockname()[1]}"
        settings = Settings(
            bigquery_project=PROJECT, bigquery_emulator_host=nowhere, bigquery_storage_emulator_host=nowhere
        )
        with connect(settings) as unreachable:
            for attempt in (
                lambda: unreachable.describe("gong", "call"),
                lambda: unreachable.table_names("gong"),
                lambda: list(unreachable.read(table)),
            ):
                with pytest.raises(Unavailable, match="BIGQUERY_EMULATOR_HOST"):
                    attempt()
