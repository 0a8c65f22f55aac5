"""The source as it is edited between syncs: what BigQuery holds, and what a sync has seen of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from coaching_assets.demo.sample import KEYS, Sample, SampleTable, TableKey
from coaching_assets.demo.sample.schema import Field
from coaching_assets.demo.sample.values import to_arrow
from coaching_assets_tests.stateful.values import REFERENCES, held

OVERLAP = timedelta(hours=5, minutes=59)
"""A little less than what each sync reads again."""

STEP = timedelta(minutes=17)


class Source:
    """Tables that are edited in memory; `seen` is what the last load of each table read."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.hidden: set[TableKey] = set()
        self.seen: dict[TableKey, SampleTable] = {}
        self.withheld: list[tuple[TableKey, dict[str, Any]]] = []
        self.now = sample.until
        self._numbers = 0

    @property
    def present(self) -> dict[TableKey, SampleTable]:
        """The content of BigQuery."""
        return {key: table for key, table in self.sample.tables.items() if key not in self.hidden}

    def note_seen(self, keys: "list[TableKey] | None" = None) -> None:
        """Keep what a load of these tables, or of all, has read."""
        self.seen |= {key: table for key, table in self.present.items() if keys is None or key in keys}

    def visible(self) -> Sample:
        """What the published tables are to be computed from: a table that is gone stays as it was last seen."""
        return replace(self.sample, tables=dict(self.seen))

    def number(self) -> int:
        """A number for something new."""
        self._numbers += 1
        return self._numbers

    def stamp(self, key: TableKey, late_by: float) -> datetime:
        """A time of processing: now, or where late, older than what was seen but within the overlap window."""
        self.now += STEP
        if not late_by or key not in self.seen or not self.seen[key].rows.num_rows:
            return self.now
        newest: datetime = max(self.seen[key].rows["_fivetran_synced"].to_pylist())
        return newest - OVERLAP * late_by

    def rows(self, key: TableKey) -> list[dict[str, Any]]:
        """The rows of a table."""
        found: list[dict[str, Any]] = self.sample[key].rows.to_pylist()
        return found

    def append(self, key: TableKey, row: Mapping[str, Any], late_by: float = 0.0) -> None:
        """Add a row, unless there is one of its key."""
        table = self.sample[key]
        held_row = self._held(table, {"_fivetran_deleted": False, **row})
        if not table.numbers(**{column: held_row.get(column) for column in KEYS[key]}):
            self._put(key, table.appended([held_row | {"_fivetran_synced": self.stamp(key, late_by)}]))

    def extend(self, key: TableKey, rows: list[dict[str, Any]]) -> None:
        """Add many rows at once, none of which is there."""
        table = self.sample[key]
        self._put(key, table.appended([self._held(table, {"_fivetran_deleted": False, **row}) for row in rows]))

    def edit(self, key: TableKey, place: int, late_by: float = 0.0, **values: Any) -> None:
        """New values in one row, and in whatever else has its key."""
        table = self.sample[key]
        row = table.rows.slice(place % table.rows.num_rows, 1).to_pylist()[0]
        numbers = table.numbers(**{column: row[column] for column in KEYS[key]})
        changes = self._held(table, {**values, "_fivetran_synced": self.stamp(key, late_by)})
        self._put(key, table.edited(numbers, lambda found: found.update(changes)))

    def reimport(self, key: TableKey) -> None:
        """Every row processed again."""
        table = self.sample[key]
        stamp = self.stamp(key, 0)
        everything = range(table.rows.num_rows)
        self._put(key, table.edited(everything, lambda row: row.update(_fivetran_synced=stamp)))

    def retype(self, key: TableKey, column: str, type_: str) -> None:
        """Another type of a column; where that changes what a row says, Fivetran delivers all of them again."""
        table = self.sample[key]
        fields = tuple(replace(field, type=type_) if field.name == column else field for field in table.fields)
        new = next(field for field in fields if field.name == column)
        rows = table.rows.to_pylist()
        stamp = self.stamp(key, 0)
        for row in rows:
            row |= {column: held(row[column], new), "_fivetran_synced": stamp}
        self._put(key, SampleTable(fields, to_arrow(rows, fields)))

    def add_column(self, key: TableKey, name: str, type_: str, value: Any) -> None:
        """A column that was not there, filled in the newest row only."""
        table = self.sample[key]
        if name in table.rows.column_names:
            return
        rows = table.rows.to_pylist()
        rows[-1] |= {name: value, "_fivetran_synced": self.stamp(key, 0)}
        fields = (*table.fields, Field(name, type_))
        self._put(key, SampleTable(fields, to_arrow(rows, fields)))

    def drop_column(self, key: TableKey, name: str) -> None:
        """A column that Fivetran does not deliver any more; nothing else changes."""
        table = self.sample[key]
        fields = tuple(field for field in table.fields if field.name != name)
        self._put(key, SampleTable(fields, table.rows.drop_columns([name])))

    def reference(self, key: TableKey, column: str, place: int) -> Any:
        """A value of the column that a column refers to, or one that refers to nothing."""
        target, name = REFERENCES[key, column]
        candidates = [*self.sample[target].rows[name].to_pylist(), "nowhere", None]
        return candidates[place % len(candidates)]

    def _held(self, table: SampleTable, row: Mapping[str, Any]) -> dict[str, Any]:
        fields = {field.name: field for field in table.fields}
        return {column: held(value, fields[column]) for column, value in row.items() if column in fields}

    def _put(self, key: TableKey, table: SampleTable) -> None:
        self.sample = self.sample.replaced({key: table})
