"""A sample: Arrow tables with BigQuery schemas, stored as one parquet file per table."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from coaching_assets.demo.sample.schema import Connector, Field, Kind, TableKey
from coaching_assets.demo.sample.values import Row, to_arrow

DESCRIPTION = "sample.json"


@dataclass(frozen=True)
class SampleTable:
    """One table: its columns with their BigQuery types, and its rows. JSON columns contain text."""

    fields: tuple[Field, ...]
    rows: pa.Table

    def appended(self, rows: Iterable[Mapping[str, Any]]) -> "SampleTable":
        """Return the table with further rows."""
        added = to_arrow(list(rows), self.fields)
        return replace(self, rows=pa.concat_tables([self.rows, added])) if added.num_rows else self

    def edited(self, numbers: Iterable[int], change: Callable[[Row], object]) -> "SampleTable":
        """Return the table with the rows of these numbers changed by `change` and moved to the end."""
        chosen = np.fromiter(numbers, dtype=np.int64)
        if not len(chosen):
            return self
        changed: list[Row] = self.rows.take(pa.array(chosen)).to_pylist()
        for row in changed:
            change(row)
        others = np.ones(self.rows.num_rows, dtype=bool)
        others[chosen] = False
        return replace(self, rows=self.rows.filter(pa.array(others))).appended(changed)

    def numbers(self, **values: object) -> list[int]:
        """Find the numbers of the rows that have these column values."""
        mask = np.ones(self.rows.num_rows, dtype=bool)
        for name, value in values.items():
            column = self.rows[name]
            equal = pc.is_null(column) if value is None else pc.fill_null(pc.equal(column, value), False)
            mask &= equal.to_numpy()
        return [int(number) for number in np.flatnonzero(mask)]


@dataclass(frozen=True)
class Sample:
    """All tables of a sample, and the arguments that it was generated from."""

    scale: float
    seed: int
    until: datetime
    connector: Connector
    tables: Mapping[TableKey, SampleTable] = field(default_factory=dict)

    def __getitem__(self, key: TableKey) -> SampleTable:
        return self.tables[key]

    def rows(self, kind: Kind, table: str) -> list[Row]:
        """The rows of a table as dictionaries."""
        found: list[Row] = self.tables[kind, table].rows.to_pylist()
        return found

    def replaced(self, tables: Mapping[TableKey, SampleTable]) -> "Sample":
        """Return the sample with some tables replaced."""
        return replace(self, tables={**self.tables, **tables})

    def without(self, *keys: TableKey) -> "Sample":
        """Return the sample without some tables, as if they were not selected in Fivetran."""
        return replace(self, tables={key: table for key, table in self.tables.items() if key not in keys})

    def write(self, folder: Path) -> None:
        """Write `folder/<dataset kind>/<table>.parquet` for each table, and the schemas as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        for (kind, name), table in self.tables.items():
            (folder / kind).mkdir(exist_ok=True)
            pq.write_table(table.rows, folder / kind / f"{name}.parquet", compression="zstd")
        description = {
            "scale": self.scale,
            "seed": self.seed,
            "until": self.until.isoformat(),
            "connector": self.connector,
            "tables": [
                {"kind": kind, "name": name, "columns": {column.name: column.type for column in table.fields}}
                for (kind, name), table in self.tables.items()
            ],
        }
        (folder / DESCRIPTION).write_text(json.dumps(description, indent=2))

    @classmethod
    def read(cls, folder: Path) -> "Sample":
        """Read what `write` wrote."""
        description = json.loads((folder / DESCRIPTION).read_text())
        tables: dict[TableKey, SampleTable] = {
            (table["kind"], table["name"]): SampleTable(
                tuple(Field(name, kind) for name, kind in table["columns"].items()),
                pq.read_table(folder / table["kind"] / f"{table['name']}.parquet"),
            )
            for table in description.pop("tables")
        }
        until = datetime.fromisoformat(description.pop("until"))
        return cls(until=until, tables=tables, **description)
