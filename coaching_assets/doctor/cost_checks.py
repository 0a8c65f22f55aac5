"""Checks of the cost of BigQuery: the daily limit, and tables whose clustering would save bytes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from coaching_assets.bigquery import connect as connect_bigquery
from coaching_assets.bigquery.identifiers import quoted, quoted_path
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import CURSOR
from coaching_assets.doctor.finding import Finding
from coaching_assets.postgres.connection import connect
from coaching_assets.replica.budget import Budget, read_budget, readable_bytes
from coaching_assets.replica.usage import Bytes, read_usage
from coaching_assets.settings import Settings

DAYS = 30
"""Days whose figures count."""
MANY_TIMES = 10
"""Clustering is recommended if syncs scanned this many times the bytes of the rows that they read …"""
MANY_BYTES = 1024**3
"""… and this many bytes at least. BigQuery sorts blocks of a table, so a small table gains nothing."""


def check_cost(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """Check the bytes billed today against the limit, and what filtered reads scanned in the last 30 days."""
    now = (now or datetime.now(UTC)).astimezone(UTC)
    with connect(settings) as database:
        budget = read_budget(database, settings, now)
        sums = read_usage(database, "day", now.date() - timedelta(days=DAYS), now.date())
    yield check_budget(budget)
    wasteful = [entry for entry in sums if scans_much(entry)]
    if not wasteful:
        return
    with connect_bigquery(settings) as bigquery:
        for entry in wasteful:
            description = bigquery.describe(*entry.table.split(".", maxsplit=1))
            if description is not None and description.is_stored and description.clustered_by[:1] != (CURSOR,):
                yield recommend_clustering(entry, description)


def check_budget(budget: Budget) -> Finding:
    """Report the bytes billed today."""
    if budget.limit is None:
        return Finding("ok", "BIGQUERY_DAILY_BYTES sets no limit; `coaching status --cost` shows what BigQuery billed")
    if budget.sentence:
        remedy = "Run `coaching status --cost` to see which tables cost most."
        return Finding("warning", budget.sentence.removesuffix("."), remedy)
    state = (
        f"BigQuery has billed {readable_bytes(budget.billed)} today (UTC), {budget.share:.0%} of BIGQUERY_DAILY_BYTES"
    )
    return Finding("ok", state)


def scans_much(entry: Bytes) -> bool:
    """Whether filtered reads scanned far more bytes than they received."""
    return (
        entry.kind == "filtered read"
        and entry.bytes_billed >= MANY_BYTES
        and entry.bytes_billed >= MANY_TIMES * entry.bytes_read
    )


def recommend_clustering(entry: Bytes, description: TableDescription) -> Finding:
    """Recommend to cluster a table, with the statements.

    BigQuery cannot replace a table by one with another clustering, so the copy takes the table's name:
    https://cloud.google.com/bigquery/docs/creating-clustered-tables
    """
    table = quoted_path(description)
    copy = quoted_path(replace(description, table=f"{description.table}_clustered"))
    statements = (
        f"CREATE TABLE {copy} CLUSTER BY {quoted(CURSOR)} AS SELECT * FROM {table};"
        f" DROP TABLE {table}; ALTER TABLE {copy} RENAME TO {quoted(description.table)};"
    )
    message = (
        f"{entry.table}: reads of new rows scanned {readable_bytes(entry.bytes_billed)} in {DAYS} days and received"
        f" {readable_bytes(entry.bytes_read)}"
    )
    remedy = (
        f"Cluster it by {CURSOR}. Pause Fivetran's connector and run: {statements} Then grant the table's own rights"
        " again and resume the connector. If the table is partitioned, add its PARTITION BY."
    )
    return Finding("warning", message, remedy)
