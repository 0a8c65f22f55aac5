"""Computes what the application's tables must hold, from the source tables as parquet files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from coaching_assets_tests.oracle import source, values
from coaching_assets_tests.oracle.published import KEYS, TABLES, Expected, Row, is_nothing, key_of, own_keys, storable

SQL = Path(__file__).parent


def expected(folder: Path, company_domains: Sequence[str] = ()) -> Expected:
    """What the six tables must hold where BigQuery holds `<folder>/<gong or salesforce>/<table>.parquet`."""
    with duckdb.connect() as connection:
        connection.execute("set autoinstall_known_extensions = false; set timezone = 'UTC'")
        values.register(connection)
        _run(connection, "rules")
        there = source.load(connection, Path(folder))
        _note_settings(connection, company_domains, there)
        from_salesforce = "salesforce.opportunity" in there
        for step in (
            *("call_rows", "speakers", "calls", "transcripts", "stage_history"),
            "opportunities_salesforce" if from_salesforce else "opportunities_gong",
            *("call_opportunities", "emails"),
        ):
            _run(connection, step)
        result = Expected()
        for table in TABLES:
            _collect(connection, table, result)
        return result


def _run(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"))


def _note_settings(
    connection: duckdb.DuckDBPyConnection, company_domains: Sequence[str], there: dict[str, frozenset[str]]
) -> None:
    history = there.get("salesforce.opportunity_history", frozenset({"opportunity_id"}))
    connection.execute(f"set variable history_mode = {'opportunity_id' not in history}")
    connection.execute("create table company_domains (domain varchar)")
    for domain in company_domains:
        connection.execute("insert into company_domains values ($1)", [domain.strip().lower()])


def _collect(connection: duckdb.DuckDBPyConnection, table: str, result: Expected) -> None:
    """Sorts the rows of one table into published, rejected and waiting ones."""
    found = connection.execute(f"from published.{table}")
    names = [column[0] for column in found.description or ()]
    for values_of_row in found.fetchall():
        row = dict(zip(names, values_of_row, strict=True))
        state, source_key = row.pop("state"), key_of(row.pop("source_key"))
        if state != "published":
            getattr(result, state)[table].add(source_key)
            continue
        key = key_of(row.pop(name) for name in KEYS[table])
        rows = result.rows(table)
        if key in rows:
            raise AssertionError(f"the oracle made {table} {key!r} twice")
        rows[key] = _finished(table, row)


def _finished(table: str, row: Row) -> Row:
    """The row with its JSON as the application's tables hold it."""
    if table == "transcripts":
        row["speaker"] = tuple(row["speaker"]) if row["speaker"] else None
        row["chunk_metadata"] = own_keys(row["chunk_metadata"])
    if "metadata" in row:
        row["metadata"] = own_keys({key: _nested(key, value) for key, value in row["metadata"].items()})
    finished: Row = storable(row)
    return finished


def _nested(key: str, value: Any) -> Any:
    if key == "headers" and value is not None:
        return {name: item for name, item in json.loads(value).items() if item is not None}
    if key == "account" and value is not None:
        return {name: item for name, item in value.items() if not is_nothing(item)}
    return value
