"""Records the bytes that a connection to BigQuery read, and sums them for reports."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import psycopg2

from coaching_assets.bigquery.cost import Meter, Usage
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.postgres.errors import CannotConnect
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import table_exists
from coaching_assets.settings import Settings

Period = Literal["run", "day", "month"]


@dataclass(frozen=True)
class Bytes:
    """The sums of one table, activity and kind over a time. The fields are those of `bigquery.cost.Usage`."""

    table: str
    activity: str
    kind: str
    requests: int
    rows: int
    bytes_estimated: int
    bytes_read: int
    bytes_billed: int

    @property
    def is_query(self) -> bool:
        """Whether these are query jobs, which have another price than reads."""
        return self.kind == "query"


def record_usage(database: Connection, meter: Meter, at: datetime | None = None) -> None:
    """Record what the connection to BigQuery read since the last call. Nothing to record sends no statement.

    Args:
        database: on which `ensure_schema` ran. The usages are part of its transaction, if it has one.
        meter: the connection's meter. If the statement fails, the usages stay pending.
        at: the time of the usage, which decides on the day and month in UTC; None: now.
    """
    usages = meter.take()
    if not usages:
        return
    try:
        with database.cursor() as cursor:
            cursor.execute(
                "select coaching_sync.record_bytes(%s, %s, %s, %s)",
                (json.dumps(list(map(_fields, usages))), meter.run, meter.activity, at or datetime.now(UTC)),
            )
    except BaseException:
        meter.put_back(usages)
        raise


@contextmanager
def recording(settings: Settings, meter: Meter) -> Iterator[None]:
    """Record at the end of the block what is still pending, also after an error. A lost Postgres hides no error."""
    try:
        yield
    finally:
        with suppress(CannotConnect, psycopg2.Error):
            if meter.is_pending:
                with connect(settings, autocommit=True) as database:
                    if has_usage(database):
                        record_usage(database, meter)


def prune_usage(database: Connection) -> None:
    """Delete sums that are too old; see `coaching_sync.prune_bytes`."""
    with database.cursor() as cursor:
        cursor.execute("select coaching_sync.prune_bytes(%s)", (datetime.now(UTC).date(),))


def read_usage(database: Connection, period: Period, since: date, until: date | None = None) -> list[Bytes]:
    """Sum the recorded bytes per table, activity and kind, those with most bytes billed first.

    Args:
        database: any connection. Without the table, because no sync has upgraded the schema yet, there are no sums.
        period: the rows to sum: day or month, or run.
        since: the first day in UTC.
        until: the last day in UTC; None: no limit.
    """
    if not has_usage(database):
        return []
    with database.cursor() as cursor:
        parameters = {"period": period, "since": since, "until": until or date.max}
        cursor.execute(read_sql(__package__, "usage.sql"), parameters)
        return [Bytes(*row) for row in cursor.fetchall()]


def has_usage(database: Connection) -> bool:
    """Whether the schema has the table of bytes."""
    return table_exists(database, "coaching_sync", "bigquery_bytes")


def billed(sums: Sequence[Bytes]) -> int:
    """The bytes billed by reads and queries together."""
    return sum(entry.bytes_billed for entry in sums)


def tomorrow(day: date) -> datetime:
    """The end of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def _fields(usage: Usage) -> dict[str, object]:
    return {"table_name": usage.name, **asdict(usage)}
