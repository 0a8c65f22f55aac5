"""Tables that demand a filter on their partitioning column: every row is read, with and without a value in it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.client import BigQuery
from coaching_assets.bigquery.errors import SourceError
from coaching_assets.bigquery.row_filters import rows_of
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets_tests.bigquery.tables import client_for, create, run, settings_for
from coaching_assets_tests.front.partition_filter import RequiredFilter
from coaching_assets_tests.front.server import Front
from coaching_assets_tests.front.table_kinds import Disguise, external

PROJECT = "filters"
ROWS = 9
START = datetime(2024, 5, 6, 7, tzinfo=UTC)
COLUMNS = ("id", "seen", "day", "local", "number", "region", "_fivetran_synced")
TYPES = ("STRING", "TIMESTAMP", "DATE", "DATETIME", "INT64", "STRING", "TIMESTAMP")

PARTITIONINGS: Mapping[str, dict[str, Any]] = {
    "ingestion time": {"timePartitioning": {"type": "DAY"}},
    "TIMESTAMP": {"timePartitioning": {"type": "HOUR", "field": "seen"}},
    "DATE": {"timePartitioning": {"type": "MONTH", "field": "day"}},
    "DATETIME": {"timePartitioning": {"type": "YEAR", "field": "local"}},
    "range": {
        "rangePartitioning": {"field": "number", "range": {"start": "-100", "end": "100", "interval": "10"}},
    },
    "the cursor": {"timePartitioning": {"type": "DAY", "field": "_fivetran_synced"}},
}


def rows() -> pa.Table:
    """Every third row has no value in any column but its id."""
    stamps = [None if n % 3 == 0 else START + timedelta(hours=n) for n in range(ROWS)]
    return pa.table(
        {
            "id": [f"row {n}" for n in range(ROWS)],
            "seen": pa.array(stamps, pa.timestamp("us", "UTC")),
            "day": pa.array([stamp and date(2024, 5, stamp.hour) for stamp in stamps], pa.date32()),
            "local": pa.array([stamp and stamp.replace(tzinfo=None) for stamp in stamps], pa.timestamp("us")),
            "number": pa.array([stamp and 4 - stamp.hour for stamp in stamps], pa.int64()),
            "region": pa.array([stamp and ("" if stamp.hour % 2 else "EU") for stamp in stamps], pa.string()),
            "_fivetran_synced": pa.array(stamps, pa.timestamp("us", "UTC")),
        }
    )


def table_behind(front: Front, name: str) -> None:
    from google.cloud.bigquery import SchemaField

    with client_for(front.emulator, PROJECT) as client:
        client.delete_table(f"{PROJECT}.gong.{name}", not_found_ok=True)
        fields = [SchemaField(*column) for column in zip(COLUMNS, TYPES, strict=True)]
        create(client, f"gong.{name}", fields, rows())


def described(bigquery: BigQuery, table: str) -> TableDescription:
    description = bigquery.describe("gong", table)
    assert description is not None
    return description


def ids_read(bigquery: BigQuery, table: TableDescription, since: datetime | None = None) -> list[str]:
    return sorted(name for batch in bigquery.read(table, since=since) for name in batch.column("id").to_pylist())


@pytest.mark.parametrize(
    "kind", [name if name == "ingestion time" else pytest.param(name, marks=pytest.mark.slow) for name in PARTITIONINGS]
)
def test_a_table_that_demands_a_filter_is_read_as_a_whole(front: Front, kind: str) -> None:
    """https://cloud.google.com/bigquery/docs/querying-partitioned-tables#require_a_partition_filter_in_queries"""
    table_behind(front, "call")
    # rows in the streaming buffer of an ingestion-time partitioned table have no _PARTITIONTIME
    ingested = "IF(MOD(LENGTH(`id`), 2) = 1, NULL, TIMESTAMP '2024-05-06 00:00:00+00')"
    front.add(RequiredFilter("gong", "call", PARTITIONINGS[kind], ingested))
    with connect(settings_for(front.emulator, PROJECT)) as bigquery:
        call = described(bigquery, "call")
        assert ids_read(bigquery, call) == [f"row {n}" for n in range(ROWS)]
        assert ids_read(bigquery, call, START + timedelta(hours=5)) == [f"row {n}" for n in (0, 3, 5, 6, 7, 8)]
        ((count,),) = bigquery.query(call, f"SELECT COUNT(*) FROM {rows_of(call)}").rows()
        assert count == ROWS


@pytest.mark.parametrize("key", ["region", *(pytest.param(key, marks=pytest.mark.slow) for key in ("day", "number"))])
def test_an_external_table_that_demands_a_filter_is_queried_as_a_whole(front: Front, key: str) -> None:
    """https://cloud.google.com/bigquery/docs/hive-partitioned-queries#partitioning_options"""
    table_behind(front, "call")
    hive = {"mode": "AUTO", "requirePartitionFilter": True, "fields": [key, "local"]}
    front.add(external("gong", "call"))
    configuration = {"sourceFormat": "PARQUET", "hivePartitioningOptions": hive}
    front.add(RequiredFilter("gong", "call", {"externalDataConfiguration": configuration}))
    with connect(settings_for(front.emulator, PROJECT)) as bigquery:
        call = described(bigquery, "call")
        assert not call.is_stored
        assert ids_read(bigquery, call) == [f"row {n}" for n in range(ROWS)]
        assert ids_read(bigquery, call, START + timedelta(hours=8)) == [f"row {n}" for n in (0, 3, 6, 8)]


def test_the_demand_of_a_table_below_a_view_is_named(front: Front) -> None:
    """A view passes no filter on: https://github.com/arslan-kursad/plumbline/issues/61"""
    table_behind(front, "call")
    front.add(RequiredFilter("gong", "recent", PARTITIONINGS["DATE"]))
    with client_for(front.emulator, PROJECT) as client:
        run(client, "create or replace view gong.recent as select id, seen from gong.call")
    with connect(settings_for(front.emulator, PROJECT)) as bigquery:
        view = bigquery.describe("gong", "recent")
        assert view is not None
        with pytest.raises(SourceError, match=r"demands a filter on its partitioning column .*'day'.*to the view"):
            list(bigquery.read(replace(view, filter_on=None)))  # a view's own metadata shows no demand


@pytest.mark.slow
@pytest.mark.parametrize("column", ["day", "seen", None])
def test_the_former_member_of_the_metadata_counts_too(front: Front, column: str | None) -> None:
    """`timePartitioning.requirePartitionFilter`: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables"""
    former = {"type": "DAY", "requirePartitionFilter": True} | ({"field": column} if column else {})
    table_behind(front, "call")
    front.add(Disguise("gong", "call", {"timePartitioning": former}))
    with connect(settings_for(front.emulator, PROJECT)) as bigquery:
        filter_on = described(bigquery, "call").filter_on
        assert filter_on is not None
        assert filter_on.name == (column or "_PARTITIONTIME")
