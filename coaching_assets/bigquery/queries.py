"""Runs query jobs to their end, within the limit of bytes that the settings define."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.bigquery import ArrayQueryParameter, QueryJob, QueryJobConfig, ScalarQueryParameter
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY
from google.cloud.bigquery.table import RowIterator

from coaching_assets.bigquery.cost import MINIMUM_QUERY_BYTES, Usage
from coaching_assets.bigquery.error_rules import reasons
from coaching_assets.bigquery.errors import LimitExceeded, Unavailable
from coaching_assets.bigquery.google_errors import translated_errors
from coaching_assets.bigquery.request_settings import QUERY_SECONDS, REQUEST_SECONDS, USER_AGENT
from coaching_assets.bigquery.tables import TableDescription

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

Parameters: TypeAlias = Mapping[str, tuple[str, Any]]
"""The type (INT64, STRING, TIMESTAMP, ...) and value of each named query parameter. A list makes an ARRAY."""


MEGABYTE = 1024**2


@dataclass(frozen=True)
class QueryResult:
    """A query job that ended.

    Iterating over its rows sends requests, so do it inside `BigQuery.translated_errors`.
    """

    bigquery: "BigQuery"
    job: QueryJob

    @property
    def bytes_billed(self) -> int:
        """The bytes that BigQuery bills for the job."""
        return int(self.job.total_bytes_billed or 0)

    def rows(self) -> RowIterator:
        """The rows over the REST API: suited to small results."""
        return self.job.result(retry=self.bigquery.retry, timeout=QUERY_SECONDS)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow batches over the Storage Read API. An emulator has no results there and serves REST."""
        storage = None if self.bigquery.emulator else self.bigquery.storage
        yield from self.rows().to_arrow_iterable(bqstorage_client=storage)


def run_query(bigquery: "BigQuery", table: TableDescription, statement: str, parameters: Parameters) -> QueryResult:
    """Run a query to its end.

    Args:
        bigquery: the connection.
        table: the table that the query reads, for error messages.
        statement: GoogleSQL, with the names of `parameters` as `@name`.
        parameters: the values of the statement's parameters.

    Raises:
        LimitExceeded: the query would bill more than BIGQUERY_MAXIMUM_BYTES_BILLED, or than the meter allows. It is
            not run and not billed:
            https://cloud.google.com/bigquery/docs/best-practices-costs#restrict-bytes-billed
        Unavailable: the query did not end in time.
        SourceError: BigQuery rejects the query.
    """
    config = _config(bigquery, parameters)
    with translated_errors(bigquery.subject(table.dataset, table.table)):
        try:
            estimate = _estimate_within_allowance(bigquery, table, statement, config)
            return QueryResult(bigquery, _counted(bigquery, table, statement, config, estimate))
        except GoogleAPICallError as error:
            if "bytesBilledLimitExceeded" not in reasons(error) and "bytes billed" not in str(error):
                raise
            raise LimitExceeded(
                f"A query of {table} would bill more than BIGQUERY_MAXIMUM_BYTES_BILLED "
                f"({bigquery.settings.bigquery_maximum_bytes_billed} bytes). Raise the limit, or make the view cheaper."
            ) from error


def _estimate_within_allowance(
    bigquery: "BigQuery", table: TableDescription, statement: str, config: QueryJobConfig
) -> int:
    """The bytes that the query would process, by a dry run; 0 if the meter sets no limit.

    A dry run is free: https://cloud.google.com/bigquery/docs/running-queries#dry-run

    Raises:
        LimitExceeded: these are more bytes than the meter allows.
    """
    allowance = bigquery.meter.allowance
    if allowance is None:
        return 0
    dry = copy.deepcopy(config)
    dry.dry_run, dry.use_query_cache = True, False
    job = bigquery.rest.query(statement, job_config=dry, retry=bigquery.retry, timeout=REQUEST_SECONDS)
    estimate = int(job.total_bytes_processed or 0)
    if max(estimate, MINIMUM_QUERY_BYTES if estimate else 0) > allowance:
        raise LimitExceeded(
            f"A query of {table} would bill about {estimate:,} bytes, and BIGQUERY_DAILY_BYTES leaves {allowance:,}"
            " today. It waits until 00:00 UTC or until you raise the limit.",
            is_daily=True,
        )
    return estimate


def _counted(
    bigquery: "BigQuery", table: TableDescription, statement: str, config: QueryJobConfig, estimate: int
) -> QueryJob:
    """Run the query and count what it processed and bills. A query that ends with an error is not billed."""
    job = _run(bigquery, table, statement, config)
    usage = Usage(
        table.dataset,
        table.table,
        "query",
        requests=1,
        bytes_estimated=estimate,
        bytes_read=int(job.total_bytes_processed or 0),
        bytes_billed=int(job.total_bytes_billed or 0),
    )
    bigquery.meter.add(usage)
    return job


def dry_run(bigquery: "BigQuery", table: TableDescription, statement: str, parameters: Parameters) -> QueryJob:
    """Let BigQuery check a query, without running it and free of charge.

    The job has the bytes that the query would process and the tables that it references:
    https://cloud.google.com/bigquery/docs/running-queries#dry-run

    Raises:
        SourceError: BigQuery rejects the query.
    """
    config = _config(bigquery, parameters)
    config.dry_run, config.use_query_cache = True, False
    with bigquery.translated_errors(table.dataset, table.table):
        return bigquery.rest.query(statement, job_config=config, retry=bigquery.retry, timeout=REQUEST_SECONDS)


def _config(bigquery: "BigQuery", parameters: Parameters) -> QueryJobConfig:
    return QueryJobConfig(
        maximum_bytes_billed=bigquery.settings.bigquery_maximum_bytes_billed,
        use_legacy_sql=False,
        labels={"application": USER_AGENT},
        query_parameters=[_parameter(name, *typed) for name, typed in parameters.items()],
    )


def estimate(bigquery: "BigQuery", table: TableDescription, statement: str, parameters: Parameters) -> int:
    """Estimate the bytes that a query bills, by a dry run, which is free.

    BigQuery rounds up to megabytes, and to at least 10: https://cloud.google.com/bigquery/pricing#on_demand_pricing

    Args:
        bigquery: the connection.
        table: the one table that the query reads.
        statement: as in `run_query`.
        parameters: as in `run_query`.

    Raises:
        SourceError: BigQuery rejects the query.
    """
    config = QueryJobConfig(
        dry_run=True,
        use_legacy_sql=False,
        use_query_cache=False,
        query_parameters=[_parameter(name, *typed) for name, typed in parameters.items()],
    )
    with bigquery.translated_errors(table.dataset, table.table):
        job = bigquery.rest.query(statement, job_config=config, retry=bigquery.retry, timeout=REQUEST_SECONDS)
        return billed(int(job.total_bytes_processed or 0))


def billed(size: int) -> int:
    """The bytes that BigQuery bills for a query of one table that processes so many bytes."""
    return max(MINIMUM_QUERY_BYTES, -(-size // MEGABYTE) * MEGABYTE) if size else 0


def _run(bigquery: "BigQuery", table: TableDescription, statement: str, config: QueryJobConfig) -> QueryJob:
    job = None
    try:
        job = bigquery.rest.query(
            statement,
            job_config=config,
            retry=bigquery.retry,
            job_retry=DEFAULT_JOB_RETRY.with_timeout(bigquery.retry_seconds),
            timeout=REQUEST_SECONDS,
        )
        job.result(retry=bigquery.retry, timeout=QUERY_SECONDS)
    except TimeoutError as error:
        if job is not None:
            job.cancel(retry=bigquery.retry, timeout=REQUEST_SECONDS)
        raise Unavailable(
            f"The query of {table} did not end within {QUERY_SECONDS:.0f} s and was cancelled. Try again later."
        ) from error
    return job


def _parameter(name: str, kind: str, value: Any) -> ScalarQueryParameter | ArrayQueryParameter:
    if isinstance(value, list):
        return ArrayQueryParameter(name, kind, value)
    return ScalarQueryParameter(name, kind, value)
