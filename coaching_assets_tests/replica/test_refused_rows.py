"""A row that Postgres refuses to copy is recorded with the reason; the others are loaded."""

import random
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from coaching_assets.bigquery.tables import Field, TableDescription
from coaching_assets.catalogue import TABLES, SourceTable
from coaching_assets.postgres.connection import connect
from coaching_assets.publish.rejected import read_rejected
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets.replica.dlt_tables import prepare_staging
from coaching_assets.replica.erasing import remember
from coaching_assets.replica.extraction import Extraction
from coaching_assets.replica.failures import explain, run_together
from coaching_assets.replica.placement import place, placements
from coaching_assets.replica.rejected_ranges import rejected_ranges
from coaching_assets.replica.schema_lock import prepare_database, schema_lock
from coaching_assets_tests.stateful.source import Source
from coaching_assets_tests.stateful.world import World
from coaching_assets_tests.support.deployment import Database

SLOW = pytest.mark.slow
NEVER = datetime(2026, 1, 1, tzinfo=UTC)
REJECTED = (
    "select key ->> 'id', reason, sqlstate, load_id from coaching_sync.rejected_rows where published_table = %s"
    " order by 1"
)
LEFT = "select count(*) from coaching_sync.refused_rows"


@dataclass
class Given(Extraction):
    """An extraction of rows that a test has written."""

    rows: Sequence[pa.RecordBatch] = field(default=())

    def batches(self) -> Iterator[Any]:
        """Yield the rows as placed."""
        for batch in self.rows:
            yield place(batch, self.placed)


@dataclass
class Loader:
    """Loads rows into the replica of a table as a sync does, without BigQuery."""

    database: Database
    folder: Path
    table: SourceTable
    fields: tuple[Field, ...]

    @property
    def schema(self) -> str:
        return self.database.settings.schemas[self.table.source]

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table.name}"

    def load(self, *batches: pa.RecordBatch) -> Mapping[SourceTable, Exception]:
        """Load batches in one load; the errors of the table."""
        from coaching_assets.replica.pipelines import pipeline_for, source_for

        description = TableDescription("p", "d", self.table.name, "TABLE", self.fields, None, None, None)
        key = self.table.key_for(frozenset(description.columns))
        settings = self.database.settings
        with connect(settings, autocommit=True) as database, schema_lock(database, self.schema) as lock:
            prepare_database(database)
            placed = placements(database, self.schema, self.table.name, self.fields, key)
            prepare_staging(database, self.schema, [self.table])
            extraction = Given(None, description, None, NEVER, 1, placed, rows=batches)  # type: ignore[arg-type]
            pipeline = pipeline_for(self.table.pipeline, settings, self.folder, lock)

            source = source_for(pipeline, {self.table: extraction})
            return run_together(lambda: [pipeline.run(source)], [self.table], pipeline.failed)[1]

    def rejected(self) -> list[tuple]:
        return self.database.query(REJECTED, [self.name])

    def ids(self) -> set[str]:
        return {row for (row,) in self.database.query(f"select id from {self.name}")}


@pytest.fixture
def loader_of(database: Database, tmp_path: Path) -> Any:
    def create(source: str, name: str, *columns: Field) -> Loader:
        [table] = [table for table in TABLES if (table.source, table.name) == (source, name)]
        keys = [Field(key, "STRING") for key in table.key]
        stamps = [Field("_fivetran_synced", "TIMESTAMP"), Field("_fivetran_deleted", "BOOL")]
        return Loader(database, tmp_path, table, (*keys, *columns, *stamps))

    return create


def batch(loader: Loader, ids: Sequence[str], at: int = 0, **columns: pa.Array) -> pa.RecordBatch:
    """Rows with these ids; other columns of the key are the same in all rows."""
    stamp = NEVER + timedelta(hours=at)
    arrays: dict[str, pa.Array] = {}
    for each in loader.fields:
        if each.name == "id":
            arrays["id"] = pa.array(ids, pa.string())
        elif each.name in columns:
            arrays[each.name] = columns[each.name]
        elif each.name == "_fivetran_synced":
            arrays[each.name] = pa.array([stamp] * len(ids), pa.timestamp("us", tz="UTC"))
        elif each.name == "_fivetran_deleted":
            arrays[each.name] = pa.array([False] * len(ids))
        else:
            arrays[each.name] = pa.array(["same"] * len(ids), pa.string())
    return pa.record_batch(arrays)


def texts(*values: bytes | None) -> pa.Array:
    """Strings of any bytes, which Arrow does not check."""
    binary = pa.array(values, pa.large_binary())
    return pa.Array.from_buffers(pa.large_string(), len(binary), binary.buffers())


def times(kind: pa.DataType, *values: int) -> pa.Array:
    width = pa.int32() if kind.bit_width == 32 else pa.int64()
    return pa.array(values, width).view(kind)


JSON = Field("extra", "JSON")
DATE = Field("extra", "DATE")
TIME = Field("extra", "TIME")
TIMESTAMP = Field("extra", "TIMESTAMP")
DATETIME = Field("extra", "DATETIME")
STRING = Field("extra", "STRING")

VALUES: dict[str, tuple[str, str, Field, pa.Array, pa.Array, str]] = {
    "JSON that is none": (
        *("gong", "call", JSON),
        *(texts(b'{"a": 1}', b"{", b"null"), texts(b"[]")),
        'invalid input syntax for type json (column "extra")',
    ),
    "JSON that is too deep": (
        *("gong", "email", JSON),
        *(texts(b"1", b"[" * 100_000 + b"]" * 100_000, b"2"), texts(b"[]")),
        "stack depth limit exceeded",
    ),
    "bytes that are no text": (
        *("salesforce", "opportunity", STRING),
        *(texts(b"a", b"\xff\xfe", b"b"), texts(b"c")),
        'invalid byte sequence for encoding "UTF8": 0xff',
    ),
    "half a character": (
        *("gong", "users", STRING),
        *(texts(b"a", b"\xc3", b"b"), texts(b"c")),
        'invalid byte sequence for encoding "UTF8": 0xc3',
    ),
    "a zero in JSON": (
        *("salesforce", "account", JSON),
        *(texts(b'"a"', b'"\0"', b"{}"), texts(b"[]")),
        'invalid byte sequence for encoding "UTF8": 0x00',
    ),
    "a date beyond the last": (
        *("gong", "email", DATE),
        *(times(pa.date32(), 1, 2**31 - 20_000, 2), times(pa.date32(), 3)),
        "date out of range",
    ),
    "a timestamp before the first": (
        *("salesforce", "opportunity", TIMESTAMP),
        *(times(pa.timestamp("us", tz="UTC"), 1, -(2**62), 2), times(pa.timestamp("us", tz="UTC"), 3)),
        "timestamp out of range",
    ),
    "a timestamp that has no binary form": (
        *("gong", "call", DATETIME),
        *(times(pa.timestamp("us"), 1, -(2**63) + 5, 2), times(pa.timestamp("us"), 3)),
        'timestamp out of range (column "extra")',
    ),
    "a time after midnight": (
        *("gong", "users", TIME),
        *(times(pa.time64("us"), 1, 90_000_000_000, 2), times(pa.time64("us"), 3)),
        "time out of range",
    ),
}


@pytest.mark.parametrize("case", [next(iter(VALUES)), *[pytest.param(case, marks=SLOW) for case in [*VALUES][1:]]])
def test_a_refused_value_is_recorded_and_the_other_rows_are_loaded(loader_of: Any, case: str) -> None:
    origin, name, column, values, repaired, reason = VALUES[case]
    loader: Loader = loader_of(origin, name, column)
    assert loader.load(batch(loader, ["one", "bad", "two"], extra=values)) == {}
    assert loader.ids() == {"one", "two"}
    [(key, text, _, load)] = loader.rejected()
    assert key == "bad"
    assert text.startswith("Postgres rejects the row: ")
    assert reason in text
    assert loader.database.query(
        "select rows_read, rows_inserted from coaching_sync.replica_loads where load_id = %s", [load]
    ) == [(3, 2)]
    assert loader.database.query(LEFT) == [(0,)]
    # again, with the table present
    assert loader.load(batch(loader, ["three", "bad", "two"], 1, extra=values)) == {}
    assert loader.ids() == {"one", "two", "three"}
    assert [row[0] for row in loader.rejected()] == ["bad"]
    assert loader.load(batch(loader, ["bad"], 2, extra=repaired)) == {}
    assert loader.rejected() == []
    assert "bad" in loader.ids()


def test_a_refused_version_keeps_the_former_one_and_gives_way_to_a_newer_one(loader_of: Any) -> None:
    loader: Loader = loader_of("gong", "call", JSON)
    assert loader.load(batch(loader, ["a", "b", "c"], extra=texts(b"1", b"2", b"3"))) == {}
    new = batch(loader, ["a", "b"], 2, extra=texts(b"{", b"20"))
    old = batch(loader, ["a", "b"], 1, extra=texts(b"10", b"{"))
    assert loader.load(new, old) == {}
    assert [row[0] for row in loader.rejected()] == ["a"]
    stored = f"select id, extra::text from {loader.name} order by id"
    assert loader.database.query(stored) == [("a", "1"), ("b", "20"), ("c", "3")]


@pytest.mark.slow
def test_a_refused_key_is_recorded_as_text(loader_of: Any) -> None:
    loader: Loader = loader_of("gong", "users", STRING)
    rows = batch(loader, ["x", "y", "z"], extra=texts(b"1", b"2", b"3"))
    ids = texts(b"good", b"bad \xff", b"worse \xff")
    rows = rows.set_column(rows.schema.get_field_index("id"), "id", ids)
    assert loader.load(rows) == {}
    assert [row[0] for row in loader.rejected()] == ["bad \N{REPLACEMENT CHARACTER}", "worse \N{REPLACEMENT CHARACTER}"]


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(("name", "columns"), [("call", 500), ("users", 600), ("call_participant", 1100)])
def test_a_row_that_is_wider_than_a_page_is_recorded(loader_of: Any, name: str, columns: int) -> None:
    numbers = columns > 1000
    fields = [Field(f"c{place}", "INT64" if numbers else "STRING") for place in range(columns)]
    loader: Loader = loader_of("gong", name, *fields)
    long = "".join(random.Random(1).choices(string.ascii_letters, k=60))
    kind = pa.int64() if numbers else pa.string()
    wide = {each.name: pa.array([None, 7 if numbers else long, None], kind) for each in fields}
    assert loader.load(batch(loader, ["one", "bad", "two"], **wide)) == {}
    [(key, text, state, _)] = loader.rejected()
    assert (key, state) == ("bad", "54000")
    assert "row is too big" in text
    assert loader.ids() == {"one", "two"}
    stored = "select source_row ->> 'c7' from coaching_sync.rejected_rows"
    assert loader.database.query(stored) == [("7" if numbers else long,)]


@pytest.mark.slow
@pytest.mark.parametrize("share", [5, 100, 3000])
def test_many_refused_rows_are_found_among_many(loader_of: Any, share: int) -> None:
    loader: Loader = loader_of("gong", "call", JSON)
    picked = random.Random(share)
    bad = {place for place in range(10_000) if picked.randrange(share) == 0}
    values = texts(*[b"{" if place in bad else b"1" for place in range(10_000)])
    assert loader.load(batch(loader, [f"{place}" for place in range(10_000)], extra=values)) == {}
    assert {row[0] for row in loader.rejected()} == {str(place) for place in bad}
    assert len(loader.ids()) == 10_000 - len(bad)


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("state", ["22023", "54000", "23514", "P0001"])
def test_an_error_that_no_row_causes_fails_the_table(loader_of: Any, state: str) -> None:
    loader: Loader = loader_of("gong", "call", JSON)
    assert loader.load(batch(loader, ["one", "two"], extra=texts(b"1", b"2"))) == {}
    loader.database.query(
        f"create function fail() returns trigger language plpgsql as"
        f" $$ begin raise exception sqlstate '{state}' using message = 'not today'; end $$;"
        f"create trigger fails before insert on {loader.schema}_staging.{loader.table.name}"
        " for each statement execute function fail()"
    )
    [error] = loader.load(batch(loader, ["three", "bad"], 1, extra=texts(b"3", b"{"))).values()
    assert "not today" in explain(error)
    assert loader.rejected() == []
    assert loader.database.query(LEFT) == [(0,)]


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("terms", ["a type", "an index", "the program"])
def test_a_rejected_row_is_read_again_after_its_terms_changed(loader_of: Any, terms: str) -> None:
    loader: Loader = loader_of("gong", "call", JSON)
    assert loader.load(batch(loader, ["one", "bad"], extra=texts(b"1", b"{"))) == {}

    def pending() -> list[tuple[datetime, datetime]] | None:
        with loader.database.connect() as connection:
            return rejected_ranges(connection, loader.schema, loader.table.name)

    assert pending() is None
    loader.database.query(
        {
            "a type": f"alter table {loader.name} alter column extra type varchar",
            "an index": f"create index on {loader.name} ((extra::text))",
            "the program": "update coaching_sync.rejected_rows set rejected_under = 'another'",
        }[terms]
    )
    assert pending() == [(NEVER, NEVER + timedelta(seconds=1))]
    assert loader.load(batch(loader, ["bad"], extra=texts(b"{"))) == {}
    assert pending() is None


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name", "column"),
    [("gong", "users", "first_name"), ("gong", "call_speaker", "talk_time"), ("salesforce", "account", "name")],
)
def test_a_refused_row_is_reconciled_and_repaired(
    world: World, source: Source, kind: Any, name: str, column: str
) -> None:
    key = (kind, name)
    source.add_column(key, "extra", "JSON", "[" * 20_000 + "]" * 20_000)
    source.edit(key, -1, **{column: "17"})
    world.load(source)
    assert world.sync() == []
    settings = world.deployment.settings
    full_name = f"{settings.schemas[kind]}.{name}"
    [row] = read_rejected(settings, full_name)
    assert "stack depth limit exceeded" in row.reason
    assert world.query(f"select count(*) from {full_name} where extra is not null") == [(0,)]
    found = reconcile(settings, repair=True)
    [comparison] = [each for each in found.comparisons.values() if each.name == full_name]
    assert (comparison.rejected, comparison.rows["missing"], comparison.rows["different"]) == (1, 0, 0)
    assert len(read_rejected(settings, full_name)) == 1
    source.edit(key, -1, extra="[]")
    world.load(source)
    assert world.sync() == []
    assert read_rejected(settings, full_name) == []
    source.note_seen()
    assert world.differences(source) == []


@pytest.mark.slow
def test_an_erased_row_is_not_recorded(loader_of: Any) -> None:
    loader: Loader = loader_of("gong", "users", Field("email_address", "STRING"), JSON)
    addresses = texts(b"a@x.com", b"gone@x.com", b"bad@x.com")
    with loader.database.connect() as connection, connection.cursor() as cursor:
        prepare_database(connection)
        remember(cursor, "address", "gone@x.com")
    values = {"email_address": addresses, "extra": texts(b"1", b"{", b"{")}
    assert loader.load(batch(loader, ["one", "gone", "bad"], **values)) == {}
    assert [row[0] for row in loader.rejected()] == ["bad"]
    assert loader.database.query(LEFT) == [(0,)]
