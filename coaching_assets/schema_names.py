"""Names of the Postgres schemas: which the replica uses, and which it must leave alone."""

from collections.abc import Sequence

STAGING = "{}_staging"
"""Name of dlt's staging schema, from the replica's."""
LONGEST_SCHEMA = 55
"""Longest schema name: Postgres allows 63 bytes, and the suffix `_staging` takes eight."""
RESERVED = frozenset({"coaching_sync", "coaching_dry_run_gong", "coaching_dry_run_salesforce", "information_schema"})
"""Schemas that are neither the replica's nor the application's."""


def conflict(replica: Sequence[str], application: str) -> str | None:
    """Return a sentence on the first schema that the replica cannot use, or None.

    Args:
        replica: the replica's schemas, without their staging schemas.
        application: the schema of the application's tables.
    """
    for schema in replica:
        if len(schema) > LONGEST_SCHEMA:
            return f"the schema {schema!r} has more than {LONGEST_SCHEMA} characters; use a shorter prefix"
        if schema.startswith("pg_"):
            return f"Postgres reserves names like {schema!r}, which begin with pg_; use another prefix"
        staged = {STAGING.format(other) for other in replica if other != schema}
        for name in (schema, STAGING.format(schema)):
            if name in {application, *RESERVED, *staged}:
                return (
                    f"the replica cannot use the schema {name!r}, which has another purpose;"
                    " use another prefix, dataset or COACHING_SCHEMA"
                )
    return None
