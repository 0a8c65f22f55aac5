"""Query jobs on the emulator: parameters, rows, batches and the errors of BigQuery."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.client import BigQuery
from coaching_assets.bigquery.errors import SourceError
from coaching_assets.bigquery.identifiers import quoted, quoted_path
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets_tests.bigquery.tables import client_for, create, settings_for

PROJECT = "queries"


@pytest.fixture(scope="module")
def bigquery(emulator: BigQueryEmulator) -> Iterator[BigQuery]:
    from google.cloud.bigquery import SchemaField

    with client_for(emulator, PROJECT) as client:
        create(client, "gong.word", [SchemaField("text", "STRING")], pa.table({"text": ["a", "b", "c"]}))
    with connect(settings_for(emulator, PROJECT)) as connection:
        yield connection


@pytest.fixture(scope="module")
def word(bigquery: BigQuery) -> TableDescription:
    table = bigquery.describe("gong", "word")
    assert table is not None
    return table


@pytest.mark.parametrize(
    ("kind", "value"), [("INT64", 7), ("STRING", "x"), ("TIMESTAMP", datetime(2024, 5, 6, tzinfo=UTC)), ("INT64", None)]
)
def test_a_parameter_reaches_the_query(bigquery: BigQuery, word: TableDescription, kind: str, value: Any) -> None:
    result = bigquery.query(word, "select @value", {"value": (kind, value)})
    assert [tuple(row) for row in result.rows()] == [(value,)]


def test_a_list_is_an_array_parameter(bigquery: BigQuery, word: TableDescription) -> None:
    statement = f"select text from {quoted_path(word)} where text in unnest(@texts) order by text"
    result = bigquery.query(word, statement, {"texts": ("STRING", ["a", "c"])})
    assert [text for batch in result.batches() for text in batch.column("text").to_pylist()] == ["a", "c"]


def test_the_error_of_a_query_names_the_table(bigquery: BigQuery, word: TableDescription) -> None:
    with pytest.raises(SourceError, match=r"queries\.gong\.word"):
        bigquery.query(word, "select no_such_column from gong.word")


@pytest.mark.parametrize(
    ("identifier", "expected"), [("call", "`call`"), ("a`b", "`a\\`b`"), ("a\\b", "`a\\\\b`"), ("süß", "`süß`")]
)
def test_an_identifier_is_quoted(identifier: str, expected: str) -> None:
    assert quoted(identifier) == expected


@pytest.mark.parametrize("identifier", ["", "a\nb", "\0"])
def test_an_identifier_that_bigquery_cannot_have_is_an_error(identifier: str) -> None:
    with pytest.raises(SourceError, match="not a valid identifier"):
        quoted(identifier)
