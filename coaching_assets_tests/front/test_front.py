"""The front server answers Google's own clients as Google documents."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from coaching_assets.bigquery import connect
from coaching_assets_tests.bigquery.tables import client_for, create, load, run, settings_for
from coaching_assets_tests.front.behaviour import TableName
from coaching_assets_tests.front.modification_times import ModificationTimes
from coaching_assets_tests.front.partition_filter import RequiredFilter
from coaching_assets_tests.front.policy_tags import PolicyTag
from coaching_assets_tests.front.row_policies import RowPolicies
from coaching_assets_tests.front.server import Front

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

PROJECT = "front"
CALL = f"{PROJECT}.gong.call"


@pytest.fixture
def client(front: Front) -> "Iterator[Client]":
    from google.cloud.bigquery import SchemaField

    with client_for(front.emulator, PROJECT) as client:
        client.delete_dataset(f"{PROJECT}.gong", delete_contents=True, not_found_ok=True)
        fields = [SchemaField("id", "STRING"), SchemaField("seen", "DATE")]
        create(client, "gong.call", fields, pa.table({"id": [str(n) for n in range(10)], "seen": [None] * 10}))
        create(client, "gong.other", fields)
        yield client


def modified(client: "Client", table: str = CALL) -> float:
    return float(client.get_table(table).modified.timestamp())


@pytest.mark.parametrize(
    "statement",
    [
        "update gong.call set id = 'x' where id = '1'",
        "insert into gong.call (id) values ('11')",
        "delete from gong.call where id = '2'",
        "merge gong.call as t using gong.other as s on t.id = s.id when not matched by source then delete",
        "truncate table gong.call",
        "create or replace table gong.call as select '1' as id",
    ],
)
def test_dml_moves_the_modification_time(client: "Client", statement: str) -> None:
    before, other = modified(client), modified(client, f"{PROJECT}.gong.other")
    run(client, statement)
    assert modified(client) > before
    assert modified(client, f"{PROJECT}.gong.other") == other


def test_a_load_job_moves_the_modification_time_and_metadata_does_not(client: "Client") -> None:
    before = modified(client)
    table = client.get_table(CALL)
    table.description = "Calls."
    client.update_table(table, ["description"])
    run(client, "select count(*) from gong.call")
    assert modified(client) == before
    load(client, "gong.call", pa.table({"id": ["20"], "seen": pa.array([None], pa.date32())}))
    assert modified(client) > before


def test_streamed_rows_are_in_the_buffer_until_it_is_flushed(front: Front, client: "Client") -> None:
    before = modified(client)
    assert client.insert_rows_json(CALL, [{"id": "30"}, {"id": "31"}]) == []
    table = client.get_table(CALL)
    assert table.streaming_buffer is not None
    assert table.streaming_buffer.estimated_rows == 2
    assert modified(client) == before
    (times,) = (found for found in front.behaviours if isinstance(found, ModificationTimes))
    times.flush(TableName(PROJECT, "gong", "call"))
    assert client.get_table(CALL).streaming_buffer is None
    assert modified(client) > before


def test_errors_have_the_shape_that_googles_clients_parse(front: Front, client: "Client") -> None:
    from google.api_core.exceptions import BadRequest, Forbidden, InvalidArgument, PermissionDenied

    front.add(RequiredFilter("gong", "call", {"timePartitioning": {"type": "DAY", "field": "seen"}}))
    with pytest.raises(BadRequest, match="without a filter over column") as refused:
        run(client, "select id from gong.call where seen = '2024-05-06' or id = '1'")
    assert refused.value.errors[0]["reason"] == "invalidQuery"
    run(client, "select id from gong.call where seen = '2024-05-06' and id = '1'")
    front.add(PolicyTag("gong", "other", ("id",)))
    with pytest.raises(Forbidden, match="neither fine-grained reader nor masked get"):
        run(client, "select * from gong.other")
    front.add(RowPolicies(may_list=False))
    with connect(settings_for(front.emulator, PROJECT)) as bigquery:
        for table, error in (("call", InvalidArgument), ("other", PermissionDenied)):
            with pytest.raises(error, match="request failed: "):
                bigquery.storage.create_read_session(
                    parent=f"projects/{PROJECT}",
                    read_session={"table": f"projects/{PROJECT}/datasets/gong/tables/{table}", "data_format": "ARROW"},
                )


def test_batches_are_compressed_on_request(client: "Client", front: Front) -> None:
    """https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#compressioncodec"""
    with connect(settings_for(front.emulator, PROJECT)) as bigquery:
        call = bigquery.describe("gong", "call")
        assert call is not None
        assert sorted(name for batch in bigquery.read(call) for name in batch.column("id").to_pylist()) == [
            str(n) for n in range(10)
        ]
    options = front.sessions[-1].read_session.read_options.arrow_serialization_options
    assert options.buffer_compression.name == "LZ4_FRAME"
