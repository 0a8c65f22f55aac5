"""Edits of a sample, as Fivetran delivers them, and the comparison with the oracle afterwards."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2

from coaching_assets.demo.sample import COMPANY_DOMAIN, Sample, SampleTable, TableKey
from coaching_assets.demo.sample.values import to_arrow
from coaching_assets_tests.oracle import actual, differences, expected
from coaching_assets_tests.support.deployment import Deployment

Row = dict[str, Any]

TABLES_OF_A_CALL: dict[TableKey, str] = {
    ("gong", "call"): "id",
    **{
        ("gong", name): "call_id"
        for name in ("call_speaker", "call_participant", "transcript", "call_context_integration")
    },
}
"""The tables with rows of a call, and the column that has its id."""


def later(sample: Sample, hours: int = 1) -> datetime:
    """So many hours after the newest row of the sample."""
    return sample.until + timedelta(hours=hours)


def edited(sample: Sample, key: TableKey, where: dict[str, object], *, hours: int = 1, **values: object) -> Sample:
    """The sample with new values in some rows of one table, as Fivetran delivers an edit."""
    table = sample[key]
    numbers = table.numbers(**where)
    assert numbers, f"no row of {key} has {where}"
    stamp = {"_fivetran_synced": later(sample, hours)}
    return sample.replaced({key: table.edited(numbers, lambda row: row.update(values | stamp))})


def changed_rows(sample: Sample, key: TableKey, change: Callable[[Row], Row | None]) -> Sample:
    """The sample with every row of a table changed; rows that become None are left out."""
    table = sample[key]
    rows = [after for row in table.rows.to_pylist() if (after := change(row)) is not None]
    return sample.replaced({key: SampleTable(table.fields, to_arrow(rows, table.fields))})


def without_rows(sample: Sample, columns: dict[TableKey, str], values: Collection[object]) -> Sample:
    """The sample without the rows that have one of the values in the table's column."""
    for key, column in columns.items():
        sample = changed_rows(sample, key, lambda row, column=column: None if row[column] in values else row)
    return sample


def without_column(sample: Sample, key: TableKey, column: str) -> Sample:
    """The sample with a table of a connector that does not deliver the column."""
    table = sample[key]
    fields = tuple(field for field in table.fields if field.name != column)
    return sample.replaced({key: SampleTable(fields, table.rows.drop_columns([column]))})


def reimported(sample: Sample, hours: int = 1) -> Sample:
    """Every row once more, processed by Fivetran after all others."""
    stamp = {"_fivetran_synced": later(sample, hours)}
    for key in sample.tables:
        sample = changed_rows(sample, key, lambda row: row | stamp)
    return sample


def found_differences(
    deployment: Deployment, sample: Sample, folder: Path, schema: str = "public", **options: Any
) -> list[str]:
    """Where the application's tables differ from what the oracle computes from the sample."""
    sample.write(folder)
    with psycopg2.connect(deployment.url) as connection:
        return differences(expected(folder, [COMPANY_DOMAIN]), actual(connection, schema), **options)
