"""Tables that exceed BIGQUERY_MAXIMUM_BYTES_BILLED are compared by slices, and only compared slices count as proven.

BigQuery bills the columns that a query names, in the partitions that its filter leaves. It runs no job above its limit:
https://cloud.google.com/bigquery/docs/querying-partitioned-tables#overview and
https://cloud.google.com/bigquery/docs/best-practices-costs#restrict-bytes-billed
"""

from collections.abc import Iterator
from typing import Any

import pytest

from coaching_assets.bigquery import connect as connect_bigquery
from coaching_assets.bigquery.queries import billed
from coaching_assets.catalogue import CURSOR, TABLES, SourceTable
from coaching_assets.defs.reconciliation_checks import check_metadata
from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets.postgres.connection import connect
from coaching_assets.reconcile.differences import Comparison
from coaching_assets.reconcile.reconciliation import Reconciliation, reconcile
from coaching_assets.reconcile.rotation import compare_within_limit
from coaching_assets_tests.front.server import front_server
from coaching_assets_tests.reconcile.bytes_billed import VALUE_BYTES, BytesBilled
from coaching_assets_tests.support.deployment import Deployment

pytestmark = pytest.mark.representatives(1)

SLOW = pytest.mark.slow
EMAIL, CALL, ACCOUNT = "gongio_ft.email", "gongio_ft.call", "salesforce_ft.account"
DEAL, GONG_DEAL, HISTORY = "salesforce_ft.opportunity", "gongio_ft.opportunity", "salesforce_ft.opportunity_history"
BY_NUMBER = {"field": "duration", "range": {"start": "0", "end": "20000", "interval": "600"}}
PARTITIONED: dict[str, dict[str, Any]] = {
    DEAL: {"timePartitioning": {"type": "DAY", "field": "created_date"}},
    GONG_DEAL: {"timePartitioning": {"type": "MONTH", "field": "close_date"}},
    HISTORY: {"timePartitioning": {"type": "HOUR", "field": "created_date"}},
    CALL: {"rangePartitioning": BY_NUMBER},
}
PARTITION_COLUMN = {DEAL: "created_date", GONG_DEAL: "close_date", HISTORY: "created_date", CALL: "duration"}
NOTHING = {"missing": 0, "extra": 0, "different": 0}


@pytest.fixture
def source(synced: Deployment, emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[BytesBilled]:
    """A synced installation whose BigQuery estimates and bills bytes."""
    with front_server(emulator) as front:
        source = front.add(BytesBilled(synced.client))
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", front.emulator.rest_url)
        yield source


def named(name: str) -> SourceTable:
    source = "gong" if name.startswith("gongio_ft") else "salesforce"
    return next(table for table in TABLES if (table.source, table.name) == (source, name.partition(".")[2]))


def columns_of(deployment: Deployment, name: str) -> list[str]:
    fields = deployment.client.get_table(f"{deployment.project.name}.{name}").schema
    return [field.name for field in fields if field.field_type != "JSON"]


def rows_of(deployment: Deployment, name: str) -> int:
    ((rows,),) = deployment.query(f"select count(*) from {name}")
    return int(rows)


def limit_to(
    deployment: Deployment, source: BytesBilled, name: str, monkeypatch: pytest.MonkeyPatch, share: float
) -> int:
    """Set the limit to this share of what a query of the table bills; the other tables are small."""
    source.large = name
    size = billed(int(rows_of(deployment, name) * len(columns_of(deployment, name)) * VALUE_BYTES * share))
    monkeypatch.setenv("BIGQUERY_MAXIMUM_BYTES_BILLED", str(size))
    return size


def compared(deployment: Deployment, name: str) -> Comparison:
    """Compare one table, as a reconciliation of a day does."""
    table, settings = named(name), deployment.settings
    with connect_bigquery(settings) as bigquery, connect(settings) as database:
        description = bigquery.describe(settings.datasets[table.source], table.name)
        assert description is not None
        return compare_within_limit(bigquery, database, settings, table, description)


def comparison_of(result: Reconciliation, name: str) -> Comparison:
    return next(comparison for comparison in result.comparisons.values() if comparison.name == name)


def proven(deployment: Deployment, name: str) -> dict[str, bool]:
    schema, table = name.split(".")
    statement = (
        "select slice, proven_at is not null from coaching_sync.compared_slices"
        " where (table_schema, table_name) = (%s, %s)"
    )
    return dict(deployment.query(statement, [schema, table]))


def compared_to_the_end(deployment: Deployment, name: str, days: int = 12) -> list[Comparison]:
    """Compare a table day by day until all of it was compared."""
    results: list[Comparison] = []
    compared_slices: set[str] = set()
    for _ in range(days):
        results.append(compared(deployment, name))
        compared_slices |= {name for part in results[-1].parts for name in part.slices}
        if compared_slices == proven(deployment, name).keys():
            return results
    raise AssertionError(f"not compared in {days} days: {proven(deployment, name).keys() - compared_slices}")


@pytest.mark.parametrize("name", [EMAIL, pytest.param(CALL, marks=SLOW), pytest.param(ACCOUNT, marks=SLOW)])
def test_a_table_without_partitions_is_compared_by_columns(
    synced: Deployment, source: BytesBilled, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    limit = limit_to(synced, source, name, monkeypatch, 0.6)
    days, before = 0, 0
    while not (found := proven(synced, name)) or not all(found.values()):
        source.jobs.clear()
        comparison = compared(synced, name)
        assert comparison.rows == NOTHING
        assert 0 < sum(source.jobs[name]) <= limit
        assert comparison.equal == rows_of(synced, name)
        assert not comparison.is_proven
        found = proven(synced, name)
        assert sum(found.values()) > before
        assert f"Proven: {sum(found.values())} of {len(found)} slices, the oldest on 20" in comparison.restriction
        days, before = days + 1, sum(found.values())
    assert days > 1
    value_columns = set(columns_of(synced, name)) - {*named(name).key, CURSOR}
    assert found.keys() == {f"column {column}" for column in value_columns}
    metadata = check_metadata(comparison, {})
    assert (metadata["slices"], metadata["slices_proven"]) == (len(found), len(found))
    assert "rows_proven_equal" not in metadata


@pytest.mark.parametrize(
    "name",
    [DEAL, pytest.param(GONG_DEAL, marks=SLOW), pytest.param(HISTORY, marks=SLOW), pytest.param(CALL, marks=SLOW)],
)
def test_a_partitioned_table_is_compared_by_partitions(
    synced: Deployment, source: BytesBilled, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source.partitioned = {name: PARTITIONED[name]}
    limit = limit_to(synced, source, name, monkeypatch, 0.5)
    days = 0
    while not (found := proven(synced, name)) or not all(found.values()):
        source.jobs.clear()
        comparison = compared(synced, name)
        assert (comparison.rows, comparison.unplaced) == (NOTHING, 0)
        assert 0 < sum(source.jobs[name]) <= limit
        days += 1
    assert days > 1
    assert {"keys", "rows without a partition"} < found.keys()
    column = PARTITION_COLUMN[name]
    ((partitions,),) = synced.query(f"select count(distinct {column}) > 3 from {name}")
    assert partitions
    assert len(found) > 3


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        (EMAIL, "subject", "'Wrong'"),
        pytest.param(CALL, "title", "'Wrong'", marks=SLOW),
        pytest.param(ACCOUNT, "industry", "null", marks=SLOW),
        pytest.param(DEAL, "amount", "'1'", marks=SLOW),
        pytest.param(GONG_DEAL, "stage", "'Wrong'", marks=SLOW),
    ],
)
def test_a_wrong_value_is_found_when_its_slice_is_compared(
    synced: Deployment, source: BytesBilled, monkeypatch: pytest.MonkeyPatch, name: str, column: str, value: str
) -> None:
    source.partitioned = {name: PARTITIONED[name]} if name in PARTITIONED and name != CALL else {}
    limit_to(synced, source, name, monkeypatch, 0.6)
    ((key,), *_) = synced.query(f"select id from {name} where {column} is not null order by 1")
    synced.query(f"update {name} set {column} = {value} where id = %s", [key])
    results = compared_to_the_end(synced, name)
    assert [result.rows["different"] for result in results if not result.is_equal] == [1]
    (found,) = [result for result in results if not result.is_equal]
    assert key in found.examples["different"][0]
    recorded = proven(synced, name)
    assert not any(recorded[slice_] for part in found.parts for slice_ in part.slices if column in slice_)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "column"), [(ACCOUNT, "name"), (EMAIL, "subject"), (DEAL, "stage_name")])
def test_a_repair_compares_the_repaired_slices_again(
    synced: Deployment, source: BytesBilled, monkeypatch: pytest.MonkeyPatch, name: str, column: str
) -> None:
    source.partitioned = {name: PARTITIONED[name]} if name in PARTITIONED else {}
    limit_to(synced, source, name, monkeypatch, 0.9)
    synced.query(f"update {name} set {column} = 'Wrong' where id = (select min(id) from {name})")
    for _ in range(4):
        comparison = comparison_of(reconcile(synced.settings, repair=True), name)
        assert comparison.rows == NOTHING
    assert synced.query(f"select 1 from {name} where {column} = 'Wrong'") == []
    assert all(proven(synced, name).values())


@pytest.mark.slow
@pytest.mark.parametrize("name", [GONG_DEAL, DEAL, HISTORY])
def test_a_row_that_moved_to_another_partition_stays(
    synced: Deployment, source: BytesBilled, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source.partitioned = {name: PARTITIONED[name]}
    limit_to(synced, source, name, monkeypatch, 0.5)
    column = PARTITION_COLUMN[name]
    ((key,), *_) = synced.query(f"select id from {name} where {column} is not null order by {column}")
    synced.query(f"update {name} set {column} = {column} + interval '40 days' where id = %s", [key])
    results = compared_to_the_end(synced, name)
    unplaced, missing, different = (
        sum(result.unplaced for result in results),
        sum(result.rows["missing"] for result in results),
        sum(result.rows["different"] for result in results),
    )
    # both partitions may be in one part
    assert (unplaced, missing, different) in {(1, 1, 0), (0, 0, 1)}
    assert all(result.rows["extra"] == 0 and result.extra_rows == [] for result in results)
    assert any("They stay" in result.restriction for result in results) == bool(unplaced)


@pytest.mark.slow
@pytest.mark.parametrize("name", [EMAIL, DEAL, GONG_DEAL, ACCOUNT])
def test_only_a_slice_with_all_keys_shows_that_a_row_is_gone(
    synced: Deployment, source: BytesBilled, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source.partitioned = {name: PARTITIONED[name]} if name in PARTITIONED else {}
    limit_to(synced, source, name, monkeypatch, 0.6)
    monkeypatch.setenv("RECONCILE_SURPLUS_SHARE", "1")
    columns = ", ".join(f'"{column}"' for (column,) in _replica_columns(synced, name) if column != "id")
    copied = f"select 'gone', {columns} from {name} where id = (select min(id) from {name})"
    synced.query(f"insert into {name} (id, {columns}) {copied}")
    results = compared_to_the_end(synced, name)
    with_all_keys = [result for result in results if any(part.has_all_keys for part in result.parts)]
    assert with_all_keys
    assert all(len(result.extra_rows) == 1 for result in with_all_keys)
    assert all(result.extra_rows == [] for result in results if result not in with_all_keys)
    assert comparison_of(reconcile(synced.settings, repair=True), name).rows["extra"] == 0
    for _ in range(3):
        reconcile(synced.settings, repair=True)
    assert synced.query(f"select 1 from {name} where id = 'gone'") == []


def _replica_columns(deployment: Deployment, name: str) -> list[tuple]:
    return deployment.query(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped", [name]
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", [EMAIL, CALL, DEAL])
def test_a_table_of_which_no_slice_fits_is_not_compared(
    synced: Deployment, source: BytesBilled, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("BIGQUERY_MAXIMUM_BYTES_BILLED", str(10 * 1024**2))
    comparison = compared(synced, name)
    assert comparison.state == "failed"
    assert comparison.reason is not None
    assert "BIGQUERY_MAXIMUM_BYTES_BILLED (10,485,760 bytes), but " in comparison.reason
    assert not comparison.is_equal
    assert not any(proven(synced, name).values())
    assert source.jobs[name] == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "column"), [(EMAIL, "body"), (CALL, "brief"), (ACCOUNT, "website")])
def test_a_column_that_exceeds_the_limit_is_named_and_does_not_keep_others_waiting(
    synced: Deployment, source: BytesBilled, monkeypatch: pytest.MonkeyPatch, name: str, column: str
) -> None:
    limit_to(synced, source, name, monkeypatch, 0.6)
    source.value_bytes = {column: 30 * VALUE_BYTES}
    for _ in range(4):
        comparison = compared(synced, name)
    found = proven(synced, name)
    assert [slice_ for slice_, is_proven in found.items() if not is_proven] == [f"column {column}"]
    assert f"Not compared, because they exceed the limit alone: column {column}." in comparison.restriction
    assert check_metadata(comparison, {})["slices_too_large"] == [f"column {column}"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "days"), [(EMAIL, 36), (CALL, 50), (DEAL, 400)])
def test_a_slice_that_was_not_proven_for_long_fails_the_check(
    synced: Deployment, source: BytesBilled, monkeypatch: pytest.MonkeyPatch, name: str, days: int
) -> None:
    limit_to(synced, source, name, monkeypatch, 0.5)
    assert compared(synced, name).is_equal
    synced.query("update coaching_sync.compared_slices set since = since - %s * interval '1 day'", [days])
    monkeypatch.setenv("RECONCILE_SLICE_DAYS", str(days + 1))
    assert compared(synced, name).is_equal
    while not all(proven(synced, name).values()):
        compared(synced, name)
    monkeypatch.setenv("RECONCILE_SLICE_DAYS", str(days - 1))
    synced.query(
        "update coaching_sync.compared_slices set proven_at = proven_at - %s * interval '1 day', bytes = 10 ^ 15"
        " where slice = (select max(slice) from coaching_sync.compared_slices)",
        [days],
    )
    comparison = compared(synced, name)
    assert not comparison.is_equal
    assert f"1 slices were not proven within RECONCILE_SLICE_DAYS ({days - 1})" in comparison.restriction


def test_a_table_within_the_limit_is_compared_as_a_whole(synced: Deployment, source: BytesBilled) -> None:
    comparison = compared(synced, ACCOUNT)
    assert comparison.proof is None
    assert comparison.is_proven
    assert comparison.equal == rows_of(synced, ACCOUNT)
