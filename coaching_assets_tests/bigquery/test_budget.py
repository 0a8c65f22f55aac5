"""Queries and reads are counted as BigQuery bills them, and a query that exceeds the allowance is not run."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.client import BigQuery
from coaching_assets.bigquery.cost import Usage
from coaching_assets.bigquery.errors import LimitExceeded, SourceError
from coaching_assets.bigquery.identifiers import quoted_path
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets_tests.bigquery.tables import client_for, create, run, settings_for
from coaching_assets_tests.front.billing import MIB, Billing, billed_bytes, stored_bytes
from coaching_assets_tests.front.server import Front

PROJECT = "billing"
SIZES = {
    "gong.word": {"number": 3 * MIB, "text": 500 * MIB, "_fivetran_synced": 8},
    "gong.letter": {"number": 25 * MIB + 1, "text": 7, "_fivetran_synced": 80},
    "gong.empty": {"number": 0, "text": 0, "_fivetran_synced": 0},
}
NUMBERS = {name: sizes["number"] for name, sizes in SIZES.items()}
TIMES = pa.array([None, 5, 6], pa.timestamp("us", tz="UTC"))
WORDS = pa.table({"text": ["a", "bcd", None], "number": pa.array([1, None, 3], pa.int64()), "_fivetran_synced": TIMES})


@pytest.fixture(scope="module")
def tables(emulator: BigQueryEmulator) -> None:
    from google.cloud.bigquery import SchemaField

    types = {"text": "STRING", "number": "INTEGER", "_fivetran_synced": "TIMESTAMP"}
    with client_for(emulator, PROJECT) as client:
        for name in SIZES:
            create(client, name, [SchemaField(*column) for column in types.items()], WORDS)
        run(client, "create or replace view gong.view as select text from gong.word")


@pytest.fixture
def bigquery(front: Front, tables: None) -> Iterator[BigQuery]:
    front.add(Billing(SIZES))
    with connect(settings_for(front.emulator, PROJECT)) as connection:
        yield connection


def described(bigquery: BigQuery, name: str) -> TableDescription:
    table = bigquery.describe(*name.split("."))
    assert table is not None
    return table


def ask(bigquery: BigQuery, *names: str) -> list[Usage]:
    """Count the rows of these tables in one query."""
    tables = [described(bigquery, name) for name in names]
    unions = " union all ".join(f"select number from {quoted_path(table)}" for table in tables)
    result = bigquery.query(tables[0], f"select count(*) from ({unions})")
    assert [tuple(row) for row in result.rows()] == [(3 * len(names),)]
    return bigquery.meter.take()


@pytest.mark.parametrize(
    ("names", "processed", "billed"),
    [
        (["gong.empty"], 0, 10 * MIB),
        (["gong.word"], 3 * MIB, 10 * MIB),
        (["gong.letter"], 25 * MIB + 1, 26 * MIB),
        (["gong.word", "gong.letter"], 28 * MIB + 1, 36 * MIB),
    ],
)
def test_a_query_is_counted_as_it_is_billed(bigquery: BigQuery, names: list[str], processed: int, billed: int) -> None:
    (usage,) = ask(bigquery, *names)
    assert (usage.kind, usage.requests, usage.bytes_read, usage.bytes_billed) == ("query", 1, processed, billed)
    assert usage.bytes_estimated == 0, "no dry run without a limit"


@pytest.mark.parametrize(
    ("names", "needed"),
    [(["gong.word"], 10 * MIB), (["gong.letter"], 25 * MIB + 1), (["gong.word", "gong.letter"], 28 * MIB + 1)],
)
def test_a_query_beyond_the_allowance_is_not_run(bigquery: BigQuery, names: list[str], needed: int) -> None:
    bigquery.meter.allow(needed - 1)
    with pytest.raises(LimitExceeded, match="BIGQUERY_DAILY_BYTES leaves") as raised:
        ask(bigquery, *names)
    assert raised.value.is_daily
    assert names[0] in str(raised.value)
    assert bigquery.meter.take() == []
    bigquery.meter.allow(needed)
    (usage,) = ask(bigquery, *names)
    assert usage.bytes_estimated == usage.bytes_read == sum(NUMBERS[name] for name in names)


def test_several_queries_share_the_allowance(bigquery: BigQuery) -> None:
    bigquery.meter.allow(40 * MIB)
    ask(bigquery, "gong.letter")
    assert bigquery.meter.allowance == 14 * MIB
    ask(bigquery, "gong.word")
    with pytest.raises(LimitExceeded):
        ask(bigquery, "gong.word")


@pytest.mark.parametrize("statement", ["select missing from gong.word", "selec", "select 1 from gong.nothing"])
@pytest.mark.parametrize("allowance", [None, 10**12])
def test_a_query_with_an_error_is_not_counted(bigquery: BigQuery, statement: str, allowance: int | None) -> None:
    bigquery.meter.allow(allowance)
    with pytest.raises(SourceError):
        bigquery.query(described(bigquery, "gong.word"), statement)
    assert bigquery.meter.take() == []


@pytest.mark.parametrize(
    ("name", "columns", "since", "expected"),
    [
        ("gong.word", ["text"], None, 500 * MIB),
        ("gong.word", ["number"], datetime(2026, 1, 1, tzinfo=UTC), 3 * MIB + 8),
        ("gong.letter", None, datetime(1970, 1, 1, tzinfo=UTC), 25 * MIB + 88),
    ],
)
def test_a_read_bills_what_it_scans_before_the_first_row(
    bigquery: BigQuery, name: str, columns: list[str] | None, since: datetime | None, expected: int
) -> None:
    """https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#readsession"""
    rows = iter(bigquery.read(described(bigquery, name), columns=columns, since=since))
    first = next(rows)
    (begun,) = bigquery.meter.take()
    assert (begun.kind, begun.requests) == ("filtered read" if since else "whole read", 1)
    assert (begun.rows, begun.bytes_read) == (0, 0)
    assert begun.bytes_billed == begun.bytes_estimated == expected
    received = first.num_rows + sum(batch.num_rows for batch in rows)
    (rest,) = bigquery.meter.take()
    assert (rest.requests, rest.rows, rest.bytes_billed) == (0, received, 0)
    assert rest.bytes_read > 0


def test_a_session_that_nobody_reads_is_not_counted(bigquery: BigQuery) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        bigquery.read(described(bigquery, "gong.word")).open(pool)
    assert bigquery.meter.take() == []


def test_a_view_bills_its_query_and_not_the_read_of_its_result(bigquery: BigQuery) -> None:
    """https://cloud.google.com/bigquery/pricing#data_extraction_pricing"""
    assert sum(batch.num_rows for batch in bigquery.read(described(bigquery, "gong.view"))) == 3
    (usage,) = bigquery.meter.take()
    assert (usage.table, usage.kind, usage.requests, usage.rows) == ("view", "query", 1, 3)


@pytest.mark.parametrize(
    ("processed", "expected"),
    [({}, 0), ({"a": 1}, 10 * MIB), ({"a": 1, "b": 11 * MIB}, 21 * MIB), ({"a": 10 * MIB + 1}, 11 * MIB)],
)
def test_at_least_ten_mebibytes_per_table_are_billed(processed: dict[str, int], expected: int) -> None:
    assert billed_bytes(processed) == expected


def test_sizes_follow_the_types() -> None:
    assert [stored_bytes(column) for column in WORDS.columns] == [2 + 1 + 2 + 3, 16, 16]
    times = pa.array([None, 5], pa.timestamp("us", tz="UTC"))
    nested = pa.array([["a", None], [], None], pa.list_(pa.string()))
    structs = pa.array([{"a": "x", "b": 1.5}, None])
    assert [stored_bytes(c) for c in (times, nested, structs)] == [8, 3, 11]
