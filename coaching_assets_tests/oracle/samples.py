"""Small source tables, made by hand, for the oracle's own tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from coaching_assets_tests.oracle import Expected, expected

SYNCED = datetime(2025, 6, 1, 12, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")

Rows = list[dict[str, Any]]


def write_table(folder: Path, name: str, rows: Rows, types: dict[str, pa.DataType] | None = None) -> None:
    """Writes `<folder>/<dataset>/<table>.parquet` for a name such as `gong.call`; all-null columns are strings."""
    dataset, table = name.split(".")
    names = dict.fromkeys(key for row in [*rows, {"_fivetran_synced": None}] for key in row)
    arrays = {}
    for column in names:
        values = [row.get(column, SYNCED if column == "_fivetran_synced" else None) for row in rows]
        fallback = pa.string() if all(value is None for value in values) else None
        arrays[column] = pa.array(values, (types or {}).get(column, fallback))
    path = folder / dataset / f"{table}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(arrays), path)


def compute(folder: Path, *domains: str, **tables: Rows) -> Expected:
    """The computation over tables given as `gong__call=[…]`."""
    for name, rows in tables.items():
        write_table(folder, name.replace("__", "."), rows)
    return expected(folder, domains)


def call(identity: str | None = "c1", workspace: str = "w1", **columns: Any) -> dict[str, Any]:
    """A row of `gong.call`."""
    return {"id": identity, "workspace_id": workspace, **columns}


def deal(identity: str = "d1", **columns: Any) -> dict[str, Any]:
    """A row of an `opportunity` table."""
    return {"id": identity, "name": f"Deal {identity}", **columns}


def monologue(index: Any, sentence: str | None, call_id: str = "c1", **columns: Any) -> dict[str, Any]:
    """A row of `gong.transcript`."""
    return {"call_id": call_id, "index": index, "workspace_id": "w1", "sentence": sentence, **columns}
