"""The tables of a sample while a change set is applied to them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coaching_assets.demo.sample.model import Sample, SampleTable
from coaching_assets.demo.sample.schema import TableKey
from coaching_assets.demo.sample.values import Row

Change = Callable[[Row], object]
Test = Callable[[Row], bool]

MAXIMUM_TRIED = 500
"""Random rows tried before a change is given up because no row passes its test."""


class Draft:
    """Changes and adds rows, and stamps them with the hour. It never chooses a row that has the stamp already."""

    def __init__(self, sample: Sample, number: int) -> None:
        self.tables: dict[TableKey, SampleTable] = dict(sample.tables)
        self.random = Random(f"{sample.seed} change set {number}")
        self.now: datetime = sample.until + timedelta(hours=number)
        self._synced = {key: self.now + timedelta(seconds=3 * place) for place, key in enumerate(sample.tables)}

    def append(self, rows: Mapping[TableKey, Iterable[Row]], *, late: bool = False) -> None:
        """Add rows. Late rows keep their own `_fivetran_synced`."""
        for key, added in rows.items():
            if key in self.tables:
                stamped = ({**row, "_fivetran_synced": self._synced[key]} for row in added)
                self.tables[key] = self.tables[key].appended(added if late else stamped)

    def edit(self, key: TableKey, number: int, change: Change, suits: Test | None = None) -> None:
        """Change `number` random rows that are not deleted and pass the test `suits`."""
        self._write(key, self._choose(key, number, suits), change)

    def pick(self, key: TableKey, number: int, suits: Test | None = None) -> list[Row]:
        """Choose rows as `edit` does, and return them unchanged."""
        chosen = self._choose(key, number, suits)
        rows: list[Row] = self.tables[key].rows.take(pa.array(chosen, pa.int64())).to_pylist() if chosen else []
        return rows

    def edit_calls(self, number: int, change: Change, *, deleted: bool = False) -> None:
        """Change all rows, in every workspace, of `number` calls that are `deleted` or not."""
        key: TableKey = ("gong", "call")
        if key not in self.tables:
            return
        rows = self.tables[key].rows
        states: dict[str, set[bool]] = {}
        for call_id, gone, new in zip(rows["id"].to_pylist(), _deleted(rows), self._stamped(rows), strict=True):
            states.setdefault(call_id, set()).update({True, False} if new else {bool(gone)})
        candidates = sorted(call_id for call_id, found in states.items() if found == {deleted})
        for call_id in self.random.sample(candidates, min(len(candidates), number)):
            self._write(key, self.tables[key].numbers(id=call_id), change)

    def _choose(self, key: TableKey, number: int, suits: Test | None) -> list[int]:
        if key not in self.tables:
            return []
        rows = self.tables[key].rows
        candidates = np.flatnonzero(~_deleted(rows) & ~self._stamped(rows)).tolist()
        tried = self.random.sample(candidates, min(len(candidates), MAXIMUM_TRIED if suits else number))
        if suits is None:
            return tried
        found: list[Row] = rows.take(pa.array(tried, pa.int64())).to_pylist()
        return [place for place, row in zip(tried, found, strict=True) if suits(row)][:number]

    def _write(self, key: TableKey, numbers: Iterable[int], change: Change) -> None:
        def change_and_stamp(row: Row) -> None:
            change(row)
            row["_fivetran_synced"] = self._synced[key]
            for column in ("system_modstamp", "last_modified_date"):
                if column in row:
                    row[column] = self.now

        if key in self.tables:
            self.tables[key] = self.tables[key].edited(numbers, change_and_stamp)

    def _stamped(self, rows: pa.Table) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        stamped: np.ndarray[Any, np.dtype[np.bool_]] = pc.greater_equal(
            rows["_fivetran_synced"], pa.scalar(self.now, rows["_fivetran_synced"].type)
        ).to_numpy()
        return stamped


def _deleted(rows: pa.Table) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """A mask of the rows that either column marks as deleted."""
    deleted = np.zeros(rows.num_rows, dtype=bool)
    for column in ("_fivetran_deleted", "is_deleted"):
        if column in rows.column_names:
            deleted |= pc.fill_null(rows[column], False).to_numpy()
    return deleted
