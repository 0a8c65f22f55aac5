"""The check `schema_matches`: whether the source still delivers the columns, and the types, that the replica has."""

from collections.abc import Mapping, Sequence

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey

from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres import Connection
from coaching_assets.replica.placement import base_name, column_name, postgres_type, replica_columns
from coaching_assets.source.arrow import column_hints
from coaching_assets.source.metadata import Field, TableDescription

SCHEMA_MATCHES = "schema_matches"


def schema_spec(key: AssetKey) -> AssetCheckSpec:
    """The check of one table of the replica."""
    description = "The source delivers every column that the replica has, in the type that it has there."
    return AssetCheckSpec(SCHEMA_MATCHES, asset=key, description=description)


def missing_required(table: SourceTable, description: TableDescription) -> tuple[str, ...]:
    """The columns without which a table cannot be published and which the source does not deliver."""
    present = {column.lower() for column in description.columns}
    return tuple(column.name for column in table.columns if column.required and column.name not in present)


def compare_schema(
    database: Connection, key: AssetKey, schema: str, table: str, fields: Sequence[Field]
) -> AssetCheckResult:
    """Compare the replica's columns with the source's; a warning names those that are gone or have another type."""
    existing = replica_columns(database, schema, table)
    delivered = {column_name(name): postgres_type(hint) for name, hint in column_hints(fields).items()}
    gone = sorted({base_name(column) for column in existing} - delivered.keys())
    changed = {
        column: f"{existing[column]} became {type_}"
        for column, type_ in delivered.items()
        if existing.get(column, type_) != type_
    }
    return AssetCheckResult(
        check_name=SCHEMA_MATCHES,
        asset_key=key,
        passed=not gone and not changed,
        severity=AssetCheckSeverity.WARN,
        description=_sentences(gone, changed) or None,
        metadata={"columns_gone": gone, "columns_changed": changed},
    )


def schema_unknown(key: AssetKey, reason: str, *, passed: bool) -> AssetCheckResult:
    """The check's result where the table was not loaded."""
    severity = AssetCheckSeverity.WARN
    return AssetCheckResult(
        check_name=SCHEMA_MATCHES, asset_key=key, passed=passed, severity=severity, description=reason
    )


def _sentences(gone: Sequence[str], changed: Mapping[str, str]) -> str:
    sentences = []
    if gone:
        sentences.append(
            f"Not at the source any more: {', '.join(gone)}. The replica keeps what it has of them, and new rows have"
            " null; drop the columns from the replica if that is for good."
        )
    if changed:
        listed = ", ".join(f"{column} ({change})" for column, change in changed.items())
        sentences.append(f"Of another type: {listed}. New values stand in a column beside the old one.")
    return " ".join(sentences)
