"""Reads what the application's tables in Postgres hold, in the form of the computation's result."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from coaching_assets_tests.oracle.published import KEYS, TABLES, Expected, Row, Rows, key_of, own_keys, storable

STATEMENTS = Path(__file__).with_name("application.sql").read_text(encoding="utf-8")


def actual(connection: Connection, schema: str = "public") -> Expected:
    """The rows of the six tables in `schema`; the second row of a key is under `(key, "duplicate", n)`."""
    result = Expected()
    statements = dict(re.findall(r"^-- (\w+)\n(.*?;)$", STATEMENTS, re.MULTILINE | re.DOTALL))
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(sql.SQL(statements[table]).format(schema=sql.Identifier(schema)))
            names = [column.name for column in cursor.description or ()]
            for values in cursor.fetchall():
                _add(table, dict(zip(names, values, strict=True)), result.rows(table))
    return result


def _add(table: str, row: Row, rows: Rows) -> None:
    parts = ("gong_call_id", "speaker_id") if table == "speakers" else KEYS[table]
    key = key_of([row.pop(part) for part in parts])
    place: Any = key
    duplicates = 1
    while place in rows:
        duplicates += 1
        place = (key, "duplicate", duplicates)
    if table == "transcripts":
        row["speaker"] = tuple(row["speaker"]) if row["speaker"] else None
        row["chunk_metadata"] = own_keys(row["chunk_metadata"])
    if "metadata" in row:
        row["metadata"] = own_keys(row["metadata"])
    rows[place] = storable(row)
