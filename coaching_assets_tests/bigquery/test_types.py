"""Every type of BigQuery, with nulls and extremes, from the emulator into Postgres, value by value."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import dlt
import psycopg2
import pyarrow as pa
import pytest

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.arrow.batches import to_loadable
from coaching_assets.bigquery.column_hints import column_hints
from coaching_assets.bigquery.tables import Field
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres
from coaching_assets_tests.bigquery.tables import client_for, create, run, settings_for

PROJECT = "types"
FIRST_MICROSECOND = -62_135_596_800_000_000
LAST_MICROSECOND = 253_402_300_799_999_999
TEXT = "\"double\" 'single' back\\slash\nnew\r\n\ttab \x01\x1f \x7f é 漢字 \U0001f600 \U0010ffff"
TIME = pa.timestamp("us")
MOMENT = pa.timestamp("us", "UTC")
BIGNUMERIC = pa.decimal256(76, 38)
BIGNUMERIC_LIMIT = 2**255
EXACT = Context(prec=100)


@dataclass(frozen=True)
class Case:
    """A column: its values in BigQuery, the Postgres type, and the text of each value there."""

    name: str
    type: str
    arrow: pa.DataType
    postgres: str
    values: tuple[tuple[Any, str | None], ...]
    mode: str = "NULLABLE"
    subfields: tuple["Case", ...] = ()

    def field(self) -> Any:
        from google.cloud.bigquery import SchemaField

        return SchemaField(self.name, self.type, self.mode, fields=[s.field() for s in self.subfields])


def sub(name: str, type: str, mode: str = "NULLABLE", *subfields: "Case") -> Case:
    return Case(name, type, pa.null(), "", (), mode, subfields)


STRUCT = pa.struct(
    [("text", pa.string()), ("whole", pa.int64()), ("exact", pa.decimal128(38, 9)), ("real", pa.float64())]
)
ELEMENT = pa.struct(
    [("moment", MOMENT), ("time", TIME), ("day", pa.date32()), ("bytes", pa.binary()), ("flag", pa.bool_())]
)

CASES = (
    Case("text", "STRING", pa.string(), "character varying", ((TEXT, TEXT), ("", ""), ("a\0b\0", "a\ufffdb\ufffd"))),
    Case("bytes", "BYTES", pa.binary(), "bytea", ((b"\0\xff\\x", "\\x00ff5c78"), (b"", "\\x"))),
    Case(
        "whole",
        "INTEGER",
        pa.int64(),
        "bigint",
        ((2**63 - 1, "9223372036854775807"), (-(2**63), "-9223372036854775808"), (0, "0")),
    ),
    Case(
        "real",
        "FLOAT",
        pa.float64(),
        "double precision",
        (
            (float("inf"), "Infinity"),
            (float("-inf"), "-Infinity"),
            (float("nan"), "NaN"),
            (5e-324, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (-0.0, "-0"),
            (0.1 + 0.2, "0.30000000000000004"),
        ),
    ),
    Case(
        "exact",
        "NUMERIC",
        pa.decimal128(38, 9),
        "numeric",
        (
            (Decimal("99999999999999999999999999999.999999999"), "99999999999999999999999999999.999999999"),
            (Decimal("-99999999999999999999999999999.999999999"), "-99999999999999999999999999999.999999999"),
            (Decimal("0.000000001"), "0.000000001"),
        ),
    ),
    Case("yes", "BOOLEAN", pa.bool_(), "boolean", ((True, "true"), (False, "false"))),
    Case(
        "moment",
        "TIMESTAMP",
        MOMENT,
        "timestamp with time zone",
        (
            (FIRST_MICROSECOND, "0001-01-01 00:00:00+00"),
            (LAST_MICROSECOND, "9999-12-31 23:59:59.999999+00"),
            (1_700_000_000_123_456, "2023-11-14 22:13:20.123456+00"),
        ),
    ),
    Case(
        "local",
        "DATETIME",
        TIME,
        "timestamp without time zone",
        ((FIRST_MICROSECOND, "0001-01-01 00:00:00"), (LAST_MICROSECOND, "9999-12-31 23:59:59.999999")),
    ),
    Case("day", "DATE", pa.date32(), "date", ((dt.date.min, "0001-01-01"), (dt.date.max, "9999-12-31"))),
    Case(
        "clock",
        "TIME",
        pa.time64("us"),
        "time without time zone",
        ((dt.time(23, 59, 59, 999999), "23:59:59.999999"), (dt.time(0), "00:00:00")),
    ),
    Case(
        "document",
        "JSON",
        pa.string(),
        "json",
        (
            ('{"a":[1,2.50,null],"é":"\U0001f600 \\" \\\\"}', '{"a":[1,2.50,null],"é":"\U0001f600 \\" \\\\"}'),
            ("null", "null"),
            ('"a\\u0000b \\\\u0000"', '"a\ufffdb \\\\u0000"'),
        ),
    ),
    Case(
        "record",
        "RECORD",
        STRUCT,
        "json",
        (
            (
                {"text": TEXT, "whole": 2**63 - 1, "exact": Decimal("1.500000000"), "real": float("nan")},
                '{"text":"\\"double\\" \'single\''
                ' back\\\\slash\\nnew\\r\\n\\ttab \\u0001\\u001f \x7f é 漢字 \U0001f600 \U0010ffff"'
                ',"whole":9223372036854775807,"exact":1.5,"real":"NaN"}',
            ),
            (
                {"text": None, "whole": None, "exact": Decimal("0.000000001"), "real": 1e22},
                '{"text":null,"whole":null,"exact":1E-9,"real":1e+22}',
            ),
            (
                {"text": "a\0b", "whole": -1, "exact": Decimal(0), "real": float("-inf")},
                '{"text":"a\ufffdb","whole":-1,"exact":0,"real":"-Infinity"}',
            ),
        ),
        subfields=(sub("text", "STRING"), sub("whole", "INTEGER"), sub("exact", "NUMERIC"), sub("real", "FLOAT")),
    ),
    Case(
        "many",
        "INTEGER",
        pa.list_(pa.int64()),
        "json",
        (([2**53 + 1, -1], "[9007199254740993,-1]"), ([], "[]"), ([0], "[0]")),
        mode="REPEATED",
    ),
    Case(
        "records",
        "RECORD",
        pa.list_(ELEMENT),
        "json",
        (
            (
                [
                    {
                        "moment": dt.datetime(9999, 12, 31, 23, 59, 59, 999999, dt.UTC),
                        "time": dt.datetime(1, 1, 1),
                        "day": dt.date.min,
                        "bytes": b"\0\xff",
                        "flag": True,
                    },
                    {"moment": None, "time": None, "day": None, "bytes": None, "flag": None},
                ],
                '[{"moment":"9999-12-31T23:59:59.999999Z","time":"0001-01-01T00:00:00.000000","day":"0001-01-01",'
                '"bytes":"AP8=","flag":true},{"moment":null,"time":null,"day":null,"bytes":null,"flag":null}]',
            ),
            ([], "[]"),
        ),
        mode="REPEATED",
        subfields=(
            sub("moment", "TIMESTAMP"),
            sub("time", "DATETIME"),
            sub("day", "DATE"),
            sub("bytes", "BYTES"),
            sub("flag", "BOOLEAN"),
        ),
    ),
)
ROWS = 1 + max(len(case.values) for case in CASES)


@pytest.fixture
def arrived(emulator: BigQueryEmulator, postgres: EmbeddedPostgres, tmp_path: Path) -> dict[str, tuple[str, list[Any]]]:
    """By column: the Postgres type, and each value's text, in the order of the rows."""
    from google.cloud.bigquery import SchemaField

    columns = {"n": pa.array(range(ROWS), pa.int64())}
    for case in CASES:
        values = [value for value, _ in case.values]
        columns[case.name] = pa.array(values + [None] * (ROWS - len(values)), case.arrow)
    fields = [SchemaField("n", "INTEGER"), *(case.field() for case in CASES)]
    fields += [
        SchemaField("span", "INTERVAL"),
        SchemaField("place", "GEOGRAPHY"),
        SchemaField("days", "RANGE", range_element_type="DATE"),
    ]
    with client_for(emulator, PROJECT) as client:
        create(client, "d.everything", fields[:-3], pa.table(columns))
        create(client, "d.special", [fields[0], *fields[-3:]])
        run(
            client,
            "insert into d.special values (0, interval '1-2 3 4:5:6.789' year to second, st_geogpoint(1, 2),"
            " range<date> '[2020-01-01, 2020-02-01)'), (1, interval '-1-2 0 0:0:0' year to second, null,"
            " range<date> '[unbounded, 2020-02-01)'), (2, null, null, null)",
        )
    found: dict[str, tuple[str, list[Any]]] = {}
    with connect(settings_for(emulator, PROJECT)) as bigquery:
        for name in ("everything", "special"):
            table = bigquery.describe("d", name)
            assert table is not None
            batches = [to_loadable(batch, table.fields) for batch in bigquery.read(table)]
            found |= load(postgres, tmp_path, f"types_{name}", batches, table.fields)
    return found


def load(
    postgres: EmbeddedPostgres, folder: Path, schema: str, batches: Sequence[pa.RecordBatch], fields: Sequence[Field]
) -> dict[str, tuple[str, list[Any]]]:
    """Load by dlt, as the replica does, and read the table back as text."""
    hints = dlt.mark.make_hints(columns=column_hints(fields))
    resource = dlt.resource(
        lambda: (dlt.mark.with_hints(batch, hints) for batch in batches), name="loaded", file_format="parquet"
    )
    pipeline = dlt.pipeline(
        schema,
        destination=dlt.destinations.postgres(credentials=postgres.url()),
        dataset_name=schema,
        pipelines_dir=str(folder),
    )
    pipeline.run(resource, write_disposition="replace").raise_on_failed_jobs()
    with psycopg2.connect(postgres.url()) as database, database.cursor() as cursor:
        cursor.execute("set time zone 'UTC'")
        cursor.execute(
            "select column_name, data_type from information_schema.columns"
            " where table_schema = %s and table_name = 'loaded'",
            (schema,),
        )
        types = dict(cursor.fetchall())
        found = {}
        for field in fields:
            cursor.execute(f'select "{field.name}"::text from "{schema}".loaded order by n')
            found[field.name] = (types[field.name], [row[0] for row in cursor.fetchall()])
    database.close()
    return found


def test_every_value_arrives(arrived: dict[str, tuple[str, list[Any]]]) -> None:
    for case in CASES:
        absent = "[]" if case.mode == "REPEATED" else None
        texts = [text for _, text in case.values]
        assert arrived[case.name] == (case.postgres, texts + [absent] * (ROWS - len(texts))), case.name
    assert arrived["span"] == ("character varying", ["1-2 3 4:5:6.789", "-1-2 0 0:0:0", None])
    # The emulator sends WKB where BigQuery sends WKT.
    assert arrived["place"] == ("character varying", ["0101000000000000000000f03f0000000000000040", None, None])
    assert arrived["days"] == ("character varying", ["[2020-01-01, 2020-02-01)", "[UNBOUNDED, 2020-02-01)", None])


def test_bignumeric_arrives_with_its_77th_digit(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """The emulator has no BIGNUMERIC, so the batch is made as the Read API documents it: a decimal256(76, 38)."""
    numbers = (BIGNUMERIC_LIMIT - 1, -BIGNUMERIC_LIMIT, 1, 0)
    raw = b"".join(number.to_bytes(32, "little", signed=True) for number in numbers)
    array = pa.Array.from_buffers(BIGNUMERIC, len(numbers), [None, pa.py_buffer(raw)])
    nested = pa.array([{"a": Decimal("1.5")}] * 4, pa.struct([("a", BIGNUMERIC)]))
    batch = pa.RecordBatch.from_arrays([pa.array(range(4)), array, nested], ["n", "big", "nested"])
    fields = (
        Field("n", "INT64"),
        Field("big", "BIGNUMERIC"),
        Field("nested", "STRUCT", subfields=(Field("a", "BIGNUMERIC"),)),
    )
    found = load(postgres, tmp_path, "types_bignumeric", [to_loadable(batch, fields)], fields)
    kind, texts = found["big"]
    assert kind == "numeric"
    assert [int(Decimal(text).scaleb(38, EXACT)) for text in texts] == list(numbers)
    assert found["nested"] == ("json", ['{"a":1.5}'] * 4)
