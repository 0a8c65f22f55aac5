"""Above the daily limit, a sync reads new rows only; late rows are read once the limit allows it, and none is lost."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from coaching_assets.bigquery import connect
from coaching_assets.catalogue import TABLES
from coaching_assets.demo.sample import Sample, SampleTable, TableKey, generate
from coaching_assets.demo.sample.values import to_arrow
from coaching_assets.replica.extractions import extractions_for
from coaching_assets.replica.postponed import forget_windows, postpone_window, postponed_windows
from coaching_assets.replica.watermark import newest_source_time
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited, found_differences
from coaching_assets_tests.support.spending import forget_spending, spend, spent

pytestmark = pytest.mark.representatives(1)

POSTPONED = "select table_schema || '.' || table_name from coaching_sync.postponed_windows order by 1"
CASES: list[tuple[TableKey, dict[str, object]]] = [
    (("gong", "users"), {"first_name": "Late"}),
    (("gong", "call"), {"title": "Late"}),
    (("salesforce", "opportunity"), {"name": "Late"}),
]


def edited_at(sample: Sample, key: TableKey, place: int, hours: float, values: dict[str, object]) -> Sample:
    """The sample with one row edited, which Fivetran processed this long after the newest row of the table."""
    table = sample[key]
    newest = max(row["_fivetran_synced"] for row in sample.tables[key].rows.to_pylist())
    rows = table.rows.to_pylist()
    rows[place] |= {**values, "_fivetran_synced": newest + timedelta(hours=hours)}
    return sample.replaced({key: SampleTable(table.fields, to_arrow(rows, table.fields))})


def late_rows(deployment: Deployment, name: str, values: dict[str, object]) -> int:
    ((column, value),) = values.items()
    return int(deployment.query(f"select count(*) from {name} where {column} = %s", (value,))[0][0])


@pytest.mark.parametrize("key", [("gong", "users"), ("gong", "transcript"), ("salesforce", "account")])
def test_a_window_is_postponed_and_read_from_its_start(synced: Deployment, key: TableKey) -> None:
    """Without a load: which rows the extractions of three consecutive syncs would read."""
    settings = synced.settings
    (table,) = [found for found in TABLES if (found.source, found.name) == key]
    schema, overlap = settings.schemas[table.source], timedelta(hours=settings.replica_overlap_hours)
    with connect(settings) as bigquery, synced.connect() as database:
        description = bigquery.describe(settings.datasets[table.source], table.name)
        assert description is not None

        def since(essential_only: bool) -> datetime:
            (extraction,) = extractions_for(
                bigquery, database, settings, {table: description}, essential_only=essential_only
            ).values()
            assert extraction.since is not None
            return extraction.since

        watermark = newest_source_time(database, schema, table.name)
        assert watermark is not None
        assert since(False) == watermark - overlap
        assert since(True) == watermark, "no row is read again"
        assert postponed_windows(database, schema) == {table.name: watermark - overlap}
        postpone_window(database, schema, table.name, watermark - timedelta(days=2))
        assert since(True) == watermark
        assert since(False) == watermark - timedelta(days=2), "the earliest postponed window counts"
        forget_windows(database, schema, ["other"])
        assert since(False) == watermark - timedelta(days=2)
        forget_windows(database, schema, [table.name])
        assert since(False) == watermark - overlap


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "values"), CASES, ids=lambda value: ".".join(value) if isinstance(value, tuple) else ""
)
def test_a_late_row_is_read_on_the_next_day(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: TableKey, values: dict[str, object]
) -> None:
    name = f"{deployment.settings.datasets[key[0]]}.{key[1]}"
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", "1000000000")
    sample = generate(0.02)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    assert deployment.query(POSTPONED) == []

    spend(deployment, 2_000_000_000)
    late = edited_at(sample, key, 0, -1, values)
    sample = edited_at(late, key, 1, 10, values)
    deployment.load(sample, tables=[".".join(key)])
    assert deployment.sync().failures == ()
    assert deployment.query(POSTPONED) == [(name,)]
    assert late_rows(deployment, name, values) == 1, "only the new row is read"

    deployment.load(sample, tables=[])
    assert deployment.sync().failures == ()
    assert deployment.query(POSTPONED) == [(name,)], "the limit is still reached"

    forget_spending(deployment)
    assert deployment.sync().failures == ()
    assert late_rows(deployment, name, values) == 2
    assert found_differences(deployment, sample, tmp_path) == []
    assert deployment.query(POSTPONED) == []
    assert {table for table, *_ in spent(deployment)} == {name}, "no other table was read again"
    assert deployment.sync().failures == ()
    ((requests, *_),) = spent(deployment).values()
    assert requests == 1, "it is read once"


@pytest.mark.slow
def test_postponed_windows_of_several_days_are_read_from_the_first_one(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = ("gong", "users")
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", "1000000000")
    sample = generate(0.02)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    spend(deployment, 2_000_000_000)
    for day in range(1, 4):
        sample = edited_at(
            edited_at(sample, key, day, -1, {"first_name": f"Late{day}"}), key, 0, 20, {"last_name": "N"}
        )
        deployment.load(sample, tables=["users"])
        assert deployment.sync().failures == ()
    forget_spending(deployment)
    assert deployment.sync().failures == ()
    stored = deployment.query("select first_name from gongio_ft.users where first_name like 'Late_' order by 1")
    assert stored == [("Late1",), ("Late2",), ("Late3",)]
    assert found_differences(deployment, sample, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.85, 0.95])
def test_below_the_limit_late_rows_are_read_at_once(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", str(10**12))
    sample = generate(0.02)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    spend(deployment, int(share * 10**12))
    sample = edited_at(sample, ("gong", "users"), 0, -1, {"first_name": "Late"})
    deployment.load(sample, tables=["users"])
    assert deployment.sync().failures == ()
    assert late_rows(deployment, "gongio_ft.users", {"first_name": "Late"}) == 1
    assert deployment.query(POSTPONED) == []


def test_a_sync_records_what_it_read_of_each_table(synced: Deployment, tenth: Sample) -> None:
    recorded = spent(synced)
    for source, name in tenth.tables:
        requests, rows, billed = recorded[f"{synced.settings.datasets[source]}.{name}", "sync", "whole read"]
        assert (requests, rows) == (1, tenth[source, name].rows.num_rows)
        assert billed > 0
    assert spent(synced, "run") == spent(synced, "month") == recorded


@pytest.mark.slow
def test_later_syncs_add_to_the_sums(deployment: Deployment) -> None:
    sample = generate(0.02)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    first = spent(deployment)
    assert len(first) == len(sample.tables)
    assert deployment.sync().failures == ()
    assert spent(deployment) == first, "nothing changed, nothing is billed"

    deployment.load(edited(sample, ("salesforce", "account"), {}, name="Renamed"), tables=["account"])
    assert deployment.sync().failures == ()
    second = {key: figures for key, figures in spent(deployment).items() if key not in first}
    ((key, (requests, rows, _)),) = second.items()
    assert key == ("salesforce_ft.account", "sync", "filtered read")
    assert (requests, rows) == (1, sample["salesforce", "account"].rows.num_rows)
    assert len(deployment.query("select distinct name from coaching_sync.bigquery_bytes where period = 'run'")) == 2
