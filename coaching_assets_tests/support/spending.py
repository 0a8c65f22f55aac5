"""Records bytes as if BigQuery had billed them, and reads what was recorded."""

from datetime import UTC, datetime

from coaching_assets.bigquery.cost import Kind, Meter, Usage
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.replica.usage import record_usage
from coaching_assets_tests.support.deployment import Database


def spend(
    database: Database,
    billed: int,
    at: datetime | None = None,
    *,
    table: str = "call",
    kind: Kind = "query",
    read: int = 0,
) -> None:
    """Record bytes of a table of Gong's dataset; None: today."""
    meter = Meter()
    meter.add(Usage("gongio_ft", table, kind, requests=1, bytes_billed=billed, bytes_read=read))
    with database.connect() as connection:
        ensure_schema(connection)
        record_usage(connection, meter, at or datetime.now(UTC))


def forget_spending(database: Database) -> None:
    """Begin another day."""
    database.query("delete from coaching_sync.bigquery_bytes")


def spent(database: Database, period: str = "day") -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """Requests, rows and bytes billed by table, activity and kind."""
    rows = database.query(
        "select table_name, activity, kind, sum(requests)::int, sum(rows)::int, sum(bytes_billed)::bigint"
        " from coaching_sync.bigquery_bytes where period = %s group by 1, 2, 3",
        (period,),
    )
    return {(table, activity, kind): tuple(figures) for table, activity, kind, *figures in rows}
