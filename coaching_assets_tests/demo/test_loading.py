"""The emulator contains exactly the generated rows, as the Storage Read API delivers them."""

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from coaching_assets.demo.sample import KEYS, Connector, Sample, TableKey, change_set, generate, load
from coaching_assets.demo.servers import BigQueryEmulator

if TYPE_CHECKING:
    from google.cloud.bigquery import Client
    from google.cloud.bigquery_storage import BigQueryReadClient

DATASETS = {"gong": "gongio_ft", "salesforce": "salesforce_ft"}
PROJECT = "loading-test"


def read_client(emulator: BigQueryEmulator) -> "BigQueryReadClient":
    import grpc
    from google.cloud.bigquery_storage import BigQueryReadClient
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    channel = grpc.insecure_channel(emulator.grpc_host, options=[("grpc.max_receive_message_length", -1)])
    return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))


def read_back(emulator: BigQueryEmulator, key: TableKey) -> pa.Table:
    from google.cloud.bigquery_storage import DataFormat, ReadSession

    client = read_client(emulator)
    session = client.create_read_session(
        parent=f"projects/{PROJECT}",
        read_session=ReadSession(
            table=f"projects/{PROJECT}/datasets/{DATASETS[key[0]]}/tables/{key[1]}", data_format=DataFormat.ARROW
        ),
        max_stream_count=1,
    )
    schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
    batches = [
        pa.ipc.read_record_batch(pa.py_buffer(answer.arrow_record_batch.serialized_record_batch), schema)
        for stream in session.streams
        for answer in client.read_rows(stream.name)
    ]
    return pa.Table.from_batches(batches, schema)


def assert_same(found: pa.Table, expected: pa.Table, key: TableKey) -> None:
    """Equal as a set of rows, including their types and NaN."""
    assert found.column_names == expected.column_names
    for column in expected.column_names:
        assert found.schema.field(column).type == expected.schema.field(column).type, column
    order = [(column, "ascending") for column in KEYS[key]]
    found, expected = found.sort_by(order), expected.sort_by(order)
    for column in expected.column_names:
        assert list(map(repr, found[column].to_pylist())) == list(map(repr, expected[column].to_pylist())), column


def bigquery_types(client: "Client", key: TableKey) -> dict[str, str]:
    schema = client.get_table(f"{PROJECT}.{DATASETS[key[0]]}.{key[1]}").schema
    legacy = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
    return {field.name: legacy.get(field.field_type, field.field_type) for field in schema}


def assert_loaded(emulator: BigQueryEmulator, client: "Client", sample: Sample) -> None:
    for key, table in sample.tables.items():
        assert bigquery_types(client, key) == {field.name: field.type for field in table.fields}
        assert_same(read_back(emulator, key), table.rows, key)


@pytest.mark.parametrize("connector", ["strings", pytest.param("typed", marks=pytest.mark.slow)])
def test_rows_are_read_as_they_were_loaded(emulator: BigQueryEmulator, connector: Connector) -> None:
    client = emulator.client()
    sample = generate(connector=connector)
    load(client, PROJECT, sample)
    assert_loaded(emulator, client, sample)

    modified = client.get_table(f"{PROJECT}.gongio_ft.call").modified
    later = change_set(sample, 1)
    load(client, PROJECT, later)
    assert client.get_table(f"{PROJECT}.gongio_ft.call").modified > modified
    assert_loaded(emulator, client, later)
    client.close()


def test_loading_selected_tables(emulator: BigQueryEmulator) -> None:
    client = emulator.client()
    load(client, PROJECT, generate(0.1), "some", "others", tables=["call", "salesforce.opportunity"])
    assert [table.table_id for table in client.list_tables(f"{PROJECT}.some")] == ["call"]
    assert [table.table_id for table in client.list_tables(f"{PROJECT}.others")] == ["opportunity"]
    client.close()
