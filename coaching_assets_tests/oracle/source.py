"""Reads the parquet files of a sample into DuckDB: every column as text, deleted and old rows marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class Source:
    """A source table: where it is, its key, and the columns that are read; those that the file lacks are null."""

    dataset: str
    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...] = ()


SOURCES = (
    Source(
        "gong",
        "call",
        ("id", "workspace_id"),
        (
            *("title", "scheduled", "started", "duration", "purpose", "url", "direction", "scope", "system", "systems"),
            *("meeting_url", "is_private", "primary_user_id", "languages", "custom_data", "brief"),
            *("call_outcome_name", "metadata"),
        ),
    ),
    Source("gong", "call_speaker", ("id", "call_id"), ("user_id", "talk_time")),
    Source(
        "gong",
        "call_participant",
        ("id", "call_id"),
        ("user_id", "speaker_id", "name", "email_address", "affiliation"),
    ),
    Source("gong", "transcript", ("call_id", "index", "workspace_id"), ("speaker_id", "topic", "sentence")),
    Source("gong", "users", ("id",), ("email_address", "first_name", "last_name")),
    Source("gong", "call_context_integration", ("name", "object_id", "call_id"), ("object_type",)),
    Source("gong", "email", ("id",), ("subject", "sent_at", "body", "opportunity_id")),
    Source("gong", "email_sender", ("email_id", "email_address")),
    Source("gong", "email_recipient", ("email_id", "email_address")),
    Source(
        "gong",
        "opportunity",
        ("id",),
        ("name", "account_name", "owner_email", "stage", "close_date", "amount", "health_score"),
    ),
    Source(
        "salesforce",
        "opportunity",
        ("id",),
        (
            *("name", "stage_name", "close_date", "amount", "account_id", "owner_id", "probability", "type"),
            *("is_closed", "is_won"),
        ),
    ),
    Source("salesforce", "account", ("id",), ("name", "industry", "website")),
    Source("salesforce", "user", ("id",), ("email", "name")),
    Source("salesforce", "opportunity_history", ("id",), ("opportunity_id", "stage_name", "created_date")),
    Source(
        "salesforce",
        "opportunity_field_history",
        ("id",),
        ("opportunity_id", "field", "new_value", "created_date"),
    ),
)

BOOKKEEPING = ("_fivetran_synced", "_fivetran_deleted", "_fivetran_active", "_fivetran_start", "is_deleted")
RFC_3339 = "%Y-%m-%dT%H:%M:%S.%fZ"


def load(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, frozenset[str]]:
    """Creates, for each source table, `<dataset>.<name>` of its current, not deleted rows and `<dataset>.<name>_all`.

    Returns the columns that each file really has, by `<dataset>.<name>`; a table without a file is not in it.
    """
    connection.execute("create schema gong; create schema salesforce")
    there = {}
    for source in SOURCES:
        path = folder / source.dataset / f"{source.name}.parquet"
        types = _column_types(connection, path) if path.is_file() else {}
        _create(connection, source, path if types else None, types)
        if types:
            there[f"{source.dataset}.{source.name}"] = frozenset(types)
        if source.name == "email":
            _create_headers(connection, source, path if types else None, types)
    return there


def _column_types(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    described = connection.execute("describe select * from read_parquet($1)", [str(path)]).fetchall()
    return {name: kind for name, kind, *_ in described}


def _create(connection: duckdb.DuckDBPyConnection, source: Source, path: Path | None, types: dict[str, str]) -> None:
    """Of rows of one key, the one that Fivetran processed last counts."""
    columns = (*source.key, *source.columns, *(c for c in BOOKKEEPING if c not in source.columns))
    selected = ", ".join(f'{_text(column, types.get(column))} as "{column}"' for column in columns)
    key = (*source.key, "_fivetran_start")
    table = f'{source.dataset}."{source.name}'
    connection.execute(f"""
        create table {table}_all" as
        select *,
            'true' in (lower(coalesce(_fivetran_deleted, '')), lower(coalesce(is_deleted, ''))) as deleted,
            coalesce(lower(_fivetran_active), 'true') <> 'false' as current
        from (select {selected} from {_relation(path)})
        qualify row_number() over (partition by {_names(key)} order by _fivetran_synced desc nulls last) = 1;
        create view {table}" as from {table}_all" where current and not deleted
    """)


def _create_headers(
    connection: duckdb.DuckDBPyConnection, source: Source, path: Path | None, types: dict[str, str]
) -> None:
    """`gong.email_headers`: every further column of the e-mails, as one JSON object a row."""
    further = [c for c in types if c not in (*source.key, *source.columns, "is_deleted") and not c.startswith("_")]
    members = ", ".join(f'"{column}" := {_native(column, types[column])}' for column in further)
    headers = f"to_json(struct_pack({members}))::varchar" if further else "null::varchar"
    identity = f"{_text('id', types.get('id'))} as id, {_text('_fivetran_synced', types.get('_fivetran_synced'))}"
    connection.execute(f"""
        create table gong.email_headers as
        select {identity} as synced, {headers} as headers from {_relation(path)}
        qualify row_number() over (partition by id order by synced desc nulls last) = 1
    """)


def _relation(path: Path | None) -> str:
    escaped = str(path).replace("'", "''")
    return f"read_parquet('{escaped}')" if path else "(select 1 where false)"


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _text(column: str, kind: str | None) -> str:
    """The column as text: times in RFC 3339, nested values in JSON; null where the file lacks it."""
    if kind is None:
        return "null::varchar"
    if kind.startswith("TIMESTAMP"):
        return f"strftime({_utc(column, kind)}, '{RFC_3339}')"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP")):
        return f'to_json("{column}")::varchar'
    return f'"{column}"::varchar'


def _native(column: str, kind: str) -> str:
    """The column as a JSON value of its own type, with times as the specification writes them."""
    return f"json_time({_utc(column, kind)})" if kind.startswith("TIMESTAMP") else f'"{column}"'


def _utc(column: str, kind: str) -> str:
    return f"timezone('UTC', \"{column}\")" if "ZONE" in kind else f'"{column}"::timestamp'
