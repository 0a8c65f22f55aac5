"""Computes what reads and queries cost, and what a month costs at a given size of the source."""

from collections.abc import Mapping
from dataclasses import dataclass

from coaching_assets.bigquery.cost import MINIMUM_QUERY_BYTES
from coaching_assets.settings import Settings

TIB = 1024**4

BYTES_PER_CALL: Mapping[str, int] = {
    "gong.call": 384,
    "gong.call_speaker": 201,
    "gong.call_participant": 724,
    "gong.transcript": 30_526,
    "gong.users": 10,
    "gong.call_context_integration": 77,
    "gong.email": 927,
    "gong.email_sender": 132,
    "gong.email_recipient": 311,
    "gong.opportunity": 35,
    "salesforce.opportunity": 59,
    "salesforce.account": 24,
    "salesforce.user": 9,
    "salesforce.opportunity_history": 116,
    "salesforce.opportunity_field_history": 120,
}
"""Bytes in BigQuery per call, by table. Measured on the sample data with Google's sizes of data types:
https://cloud.google.com/bigquery/docs/estimate-costs#data_type_sizes"""


@dataclass(frozen=True)
class Prices:
    """Dollars per TiB, and the TiB per month that a billing account has free of charge.

    The defaults of the settings are Google's list prices: https://cloud.google.com/bigquery/pricing
    """

    query: float
    read: float
    free_query_tib: float
    free_read_tib: float

    @classmethod
    def of(cls, settings: Settings) -> "Prices":
        """The prices in the settings."""
        return cls(
            settings.bigquery_query_price,
            settings.bigquery_read_price,
            settings.bigquery_free_query_tib,
            settings.bigquery_free_read_tib,
        )

    def list_price(self, *, query_bytes: int, read_bytes: int) -> float:
        """The cost in dollars without the free bytes."""
        return query_bytes / TIB * self.query + read_bytes / TIB * self.read

    def month(self, *, query_bytes: int, read_bytes: int) -> float:
        """The cost of a month in dollars, if nothing else uses the free bytes of the billing account."""
        query = max(query_bytes / TIB - self.free_query_tib, 0.0) * self.query
        return query + max(read_bytes / TIB - self.free_read_tib, 0.0) * self.read


@dataclass(frozen=True)
class Size:
    """A source and its changes.

    Attributes:
        calls: calls in the tables.
        days_of_calls: days in which these calls took place.
        loads_per_day: loads of Fivetran per day. Each is assumed to change every table and to start one sync.
        overlap_hours: REPLICA_OVERLAP_HOURS.
        clustered: whether the tables are clustered by `_fivetran_synced`.
    """

    calls: int
    days_of_calls: int = 365
    loads_per_day: int = 24
    overlap_hours: float = 6.0
    clustered: bool = False

    @property
    def table_bytes(self) -> Mapping[str, int]:
        """The bytes of each table in BigQuery."""
        return {table: self.calls * size for table, size in BYTES_PER_CALL.items()}


@dataclass(frozen=True)
class Month:
    """The bytes billed in 30 days."""

    sync_bytes: int
    reconciliation_bytes: int

    def cost(self, prices: Prices) -> float:
        """The cost in dollars, if nothing else uses the free bytes."""
        return prices.month(query_bytes=self.reconciliation_bytes, read_bytes=self.sync_bytes)

    def list_price(self, prices: Prices) -> float:
        """The cost in dollars without the free bytes."""
        return prices.list_price(query_bytes=self.reconciliation_bytes, read_bytes=self.sync_bytes)


def estimate_month(size: Size, days: int = 30) -> Month:
    """Estimate what BigQuery bills in a month without a re-import.

    - A sync reads each changed table once by the Storage Read API. Without clustering, the API scans all rows to find
      the new ones; with clustering by `_fivetran_synced`, those of the overlap and of the time since the last load.
    - The reconciliation runs one query per table and day, which processes the whole table, and bills at least 10 MiB.
    - Metadata requests are free.

    Args:
        size: the source and its changes.
        days: the days of the month.
    """
    hours_read = size.overlap_hours + 24 / size.loads_per_day
    share = min(hours_read / (size.days_of_calls * 24), 1.0) if size.clustered else 1.0
    sync = sum(size.table_bytes.values()) * share * size.loads_per_day * days
    queries = sum(max(table_bytes, MINIMUM_QUERY_BYTES) for table_bytes in size.table_bytes.values()) * days
    return Month(round(sync), queries)
