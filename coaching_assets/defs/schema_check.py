"""The check `schema_matches`: the source delivers the columns and types that the replica has."""

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey

from coaching_assets.replica.schema_drift import SchemaDrift

SCHEMA_MATCHES = "schema_matches"


def schema_spec(key: AssetKey) -> AssetCheckSpec:
    """The check of one replica table."""
    description = "BigQuery delivers every column of the replica, in the replica's type."
    return AssetCheckSpec(SCHEMA_MATCHES, asset=key, description=description)


def schema_result(key: AssetKey, drift: SchemaDrift) -> AssetCheckResult:
    """A pass, or a warning that names the columns that are gone, have another type or may not be read."""
    return AssetCheckResult(
        check_name=SCHEMA_MATCHES,
        asset_key=key,
        passed=drift.is_empty,
        severity=AssetCheckSeverity.WARN,
        description=str(drift) or None,
        metadata={
            "columns_gone": list(drift.gone),
            "columns_changed": dict(drift.changed),
            "columns_denied": list(drift.denied),
        },
    )


def schema_unknown(key: AssetKey, reason: str, *, passed: bool) -> AssetCheckResult:
    """The result for a table that was not loaded."""
    return AssetCheckResult(
        check_name=SCHEMA_MATCHES,
        asset_key=key,
        passed=passed,
        severity=AssetCheckSeverity.WARN,
        description=reason,
    )
