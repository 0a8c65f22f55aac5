"""The texts in which both servers write a value: equal for equal values, different for different ones."""

import datetime as dt
import math
import random
import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import psycopg2
import pyarrow as pa
import pytest
from google.cloud.bigquery import Client, SchemaField

from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.reconcile.canonical import BIGQUERY_TEXTS, POSTGRES_TEXTS
from coaching_assets_tests.bigquery.tables import client_for, create
from coaching_assets_tests.support.deployment import Database

PROJECT = "common_texts"


def floats() -> list[float]:
    """Numbers at the edges of IEEE 754, and random bit patterns."""
    chance = random.Random(16)
    drawn = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(300)]
    powers = [math.ldexp(1.0, exponent) for exponent in (-1074, -1073, -1022, -53, -1, 1, 52, 53, 970, 971, 1023)]
    near = [math.nextafter(power, towards) for power in powers for towards in (0, math.inf)]
    edges = [0.1 + 0.2, 1e22, 5e-324, 1.7976931348623157e308, 1 / 3, 123456.789, math.inf, math.nan, 0.0]
    return list(dict.fromkeys([*powers, *near, *edges, *(-value for value in powers), *filter(math.isfinite, drawn)]))


VALUES: dict[str, tuple[str, str, pa.DataType, Sequence[Any]]] = {
    "FLOAT64": ("FLOAT", "double precision", pa.float64(), floats()),
    "NUMERIC": (
        "NUMERIC",
        "numeric",
        pa.decimal128(38, 9),
        [Decimal(text) for text in ("0", "100", "1.5", "-1.5", "0.000000001", "9" * 29 + ".999999999", "-12345678.9")],
    ),
    "BYTES": ("BYTES", "bytea", pa.binary(), [b"", b"\0\xff\\x", b"abc", b"ABC"]),
    "TIME": (
        "TIME",
        "time without time zone",
        pa.time64("us"),
        [dt.time(0), dt.time(0, 0, 0, 1), dt.time(12, 30), dt.time(23, 59, 59, 999999)],
    ),
    "INT64": ("INTEGER", "bigint", pa.int64(), [0, -1, 2**63 - 1, -(2**63)]),
    "BOOL": ("BOOLEAN", "boolean", pa.bool_(), [True, False]),
    "STRING": ("STRING", "character varying", pa.string(), ["", "ı", "a\nb", "\\x00", "1.50", "é漢\U0001f600"]),
    "DATE": ("DATE", "date", pa.date32(), [dt.date.min, dt.date(1970, 1, 1), dt.date.max]),
    "TIMESTAMP": (
        "TIMESTAMP",
        "timestamp with time zone",
        pa.timestamp("us", "UTC"),
        [dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 5, 6, 7, 8, 9, 123456, dt.UTC)],
    ),
}


@pytest.mark.parametrize("type_", VALUES)
def test_both_servers_write_the_same_text(emulator: BigQueryEmulator, database: Database, type_: str) -> None:
    declared, postgres_type, arrow, values = VALUES[type_]
    with client_for(emulator, PROJECT) as client:
        rows = pa.table({"n": range(len(values)), "value": pa.array(values, arrow)})
        create(client, f"d.{type_.lower()}", [SchemaField("n", "INTEGER"), SchemaField("value", declared)], rows)
        written = in_bigquery(client, type_)
    assert written == in_postgres(database, postgres_type, values)
    assert len(set(written)) == len(written), "different values have different texts"


def in_bigquery(client: Client, type_: str) -> list[str]:
    text = BIGQUERY_TEXTS[type_].format("`value`")
    found = client.query(f"SELECT {text} FROM d.{type_.lower()} ORDER BY n", retry=None).result()
    return [row[0] for row in found]


def in_postgres(database: Database, type_: str, values: Sequence[Any]) -> list[str]:
    text = POSTGRES_TEXTS[type_].format("value")
    with psycopg2.connect(database.url) as connection, connection.cursor() as cursor:
        ensure_schema(connection)
        cursor.execute(f"create temp table written (n int, value {type_})")
        for n, value in enumerate(values):
            cursor.execute("insert into written values (%s, %s)", (n, value))
        cursor.execute(f"select {text} from written order by n")
        return [row[0] for row in cursor.fetchall()]
