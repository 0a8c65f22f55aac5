"""A table that was replaced between its description and its read is described and read again in the same sync."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from google.cloud.bigquery_storage_v1.types import CreateReadSessionRequest

from coaching_assets.demo.sample import Sample, SampleTable, generate
from coaching_assets_tests.front.behaviour import Behaviour, TableName
from coaching_assets_tests.front.server import Front
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited, without_column

pytestmark = [pytest.mark.slow, pytest.mark.representatives(1)]


@dataclass
class BeforeSession(Behaviour):
    """Do something before the first read session of a table."""

    table: str
    act: Callable[[], object]
    done: list[str] = field(default_factory=list)

    def before_session(self, request: CreateReadSessionRequest) -> None:
        """Act, once."""
        if TableName.of_session(request).table == self.table and not self.done:
            self.done.append(self.table)
            self.act()


def with_column(sample: Sample, key: tuple[str, str], name: str) -> Sample:
    """The sample with another column of text."""
    from dataclasses import replace

    table = sample[key]
    added = replace(table.fields[0], name=name)
    rows = table.rows.append_column(name, table.rows.column(table.fields[0].name))
    return sample.replaced({key: SampleTable((*table.fields, added), rows)})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("call", "a column less"),
        ("users", "a column less"),
        ("users", "same columns"),
        ("transcript", "a column more"),
    ],
)
def test_a_table_that_is_created_anew_is_read_in_the_same_sync(
    front: Front, fronted: Deployment, table: str, change: str
) -> None:
    """BigQuery has no snapshot from before a table's creation: https://cloud.google.com/bigquery/docs/time-travel"""
    dispensable = {"call": "purpose", "transcript": "topic", "users": "title"}[table]
    sample = generate(0.02)
    fronted.load(sample)
    key = ("gong", table)
    later = {
        "same columns": lambda: edited(sample, key, {}),
        "a column less": lambda: without_column(sample, key, dispensable),
        "a column more": lambda: with_column(sample, key, "new_column"),
    }[change]()

    def replace_table() -> None:
        fronted.client.delete_table(f"{fronted.name}.gongio_ft.{table}")
        fronted.load(later, tables=[table])

    happened = BeforeSession(table, replace_table)
    front.behaviours.insert(0, happened)
    report = fronted.sync()
    assert happened.done == [table]
    assert report.failures == ()
    rows = fronted.query(f"select count(*) from gongio_ft.{table}")
    assert rows == [(later[key].rows.num_rows,)]
    columns = "select column_name from information_schema.columns where table_schema = 'gongio_ft' and table_name = %s"
    names = {name for (name,) in fronted.query(columns, [table])}
    assert ("new_column" in names) == (change == "a column more")
    assert (dispensable in names) == (change != "a column less")
    # the next sync has nothing to repeat
    assert fronted.sync().failures == ()


@pytest.mark.parametrize("table", ["call", "email", "account"])
def test_a_snapshot_that_bigquery_rejects_does_not_fail_a_sync(front: Front, fronted: Deployment, table: str) -> None:
    """BigQuery rejects a snapshot of its future: https://cloud.google.com/bigquery/docs/time-travel"""
    from coaching_assets_tests.front.snapshots import SnapshotTimes

    sample = generate(0.02)
    fronted.load(sample)
    for behaviour in front.behaviours:
        if isinstance(behaviour, SnapshotTimes):
            behaviour.clock_offset_ms = -60_000
    assert fronted.sync().failures == ()
    schema, key = ("salesforce_ft", "salesforce") if table == "account" else ("gongio_ft", "gong")
    assert fronted.query(f"select count(*) from {schema}.{table}") == [(sample[key, table].rows.num_rows,)]  # type: ignore[index]
