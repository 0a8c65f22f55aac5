"""Row filters: those by which a sync reads, and those that BigQuery demands of every read of a table."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from coaching_assets.bigquery.identifiers import quoted, quoted_path
from coaching_assets.bigquery.tables import Field, TableDescription
from coaching_assets.catalogue import CURSOR

EVERY_VALUE: Mapping[str, str] = {
    "TIMESTAMP": "{0} >= TIMESTAMP '0001-01-01 00:00:00+00'",
    "DATETIME": "{0} >= DATETIME '0001-01-01 00:00:00'",
    "DATE": "{0} >= DATE '0001-01-01'",
    "INT64": "{0} >= 0 OR {0} < 0",
    "STRING": "{0} >= ''",
}
"""A comparison that every value of the type passes. BigQuery could fold `IS NOT NULL OR IS NULL` into TRUE, which
filters nothing."""


def partition_filter(table: TableDescription) -> str:
    """The filter that every read of the table needs, without an effect; empty if it needs none.

    A filter qualifies if it references the partitioning column only. Rows without a value are in the partition
    `__NULL__` or, of an ingestion-time partitioned table, in the streaming buffer:
    https://cloud.google.com/bigquery/docs/querying-partitioned-tables#require_a_partition_filter_in_queries
    """
    return _keeps_every_row(table.filter_on) if table.filter_on is not None else ""


def with_partition_filter(table: TableDescription, condition: str = "") -> str:
    """A condition on the table's rows together with the filter that the table demands; empty if there is neither."""
    demanded = partition_filter(table)
    return f"({demanded}) AND ({condition})" if demanded and condition else demanded or condition


def rows_of(table: TableDescription) -> str:
    """What a query reads the table's rows from: its name, or a subquery with the filter that the table demands."""
    if table.filter_on is None:
        return quoted_path(table)
    columns = ", ".join(map(quoted, table.columns))
    return f"(SELECT {columns} FROM {quoted_path(table)} WHERE {partition_filter(table)})"


def restriction(since: datetime) -> str:
    """The Storage Read API's row filter for rows that Fivetran processed since then.

    The API takes no query parameters, so the time is a literal: https://cloud.google.com/bigquery/docs/reference/storage
    """
    cursor = quoted(CURSOR)
    return f"{cursor} >= {_timestamp(since)} OR {cursor} IS NULL"


def restriction_to(ranges: Sequence[tuple[datetime, datetime]]) -> str:
    """The row filter for rows that Fivetran processed in one of these ranges."""
    cursor = quoted(CURSOR)
    within = [f"({cursor} >= {_timestamp(start)} AND {cursor} < {_timestamp(end)})" for start, end in ranges]
    return " OR ".join([*within, f"{cursor} IS NULL"])


def _keeps_every_row(field: Field) -> str:
    column = quoted(field.name)
    comparison = EVERY_VALUE.get(field.type, "{0} IS NOT NULL").format(column)
    return f"{comparison} OR {column} IS NULL"


def _timestamp(moment: datetime) -> str:
    return f"TIMESTAMP '{moment.astimezone(UTC).isoformat(sep=' ', timespec='microseconds')}'"
