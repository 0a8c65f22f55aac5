"""Query jobs: run to their end, within the configured limit of bytes, and names as BigQuery's SQL writes them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from coaching_assets.bigquery.client import REQUEST_SECONDS, USER_AGENT, BigQuery
from coaching_assets.bigquery.errors import LimitExceeded, SourceError, Unavailable, reasons
from coaching_assets.bigquery.metadata import TableDescription

if TYPE_CHECKING:
    from google.cloud.bigquery import ArrayQueryParameter, QueryJob, ScalarQueryParameter

QUERY_SECONDS = 900.0


def run_query(
    bigquery: BigQuery,
    table: TableDescription,
    statement: str,
    parameters: "Sequence[ScalarQueryParameter | ArrayQueryParameter]" = (),
) -> "QueryJob":
    """Run a query about one table to its end.

    Raises:
        LimitExceeded: it would cost more than BIGQUERY_MAXIMUM_BYTES_BILLED.
        Unavailable: it did not end in time.
        GoogleAPIError: BigQuery refused; see `errors.explained`.
    """
    from google.api_core.exceptions import GoogleAPICallError
    from google.cloud.bigquery import QueryJobConfig
    from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY

    config = QueryJobConfig(
        maximum_bytes_billed=bigquery.settings.bigquery_maximum_bytes_billed,
        use_legacy_sql=False,
        labels={"application": USER_AGENT},
        query_parameters=list(parameters),
    )
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
    except GoogleAPICallError as error:
        if "bytesBilledLimitExceeded" in reasons(error) or "bytes billed" in str(error):
            raise LimitExceeded(
                f"Reading {table} would bill more than BIGQUERY_MAXIMUM_BYTES_BILLED, which is "
                f"{bigquery.settings.bigquery_maximum_bytes_billed} bytes. Raise it, or make the view cheaper."
            ) from error
        raise
    except TimeoutError as error:
        if job is not None:
            job.cancel(retry=bigquery.retry, timeout=REQUEST_SECONDS)
        raise Unavailable(f"The query of {table} did not end within {QUERY_SECONDS:.0f} s.") from error
    return job


def quoted_path(table: TableDescription) -> str:
    """A table's whole name in BigQuery's SQL."""
    return ".".join(quoted(part) for part in (table.project, table.dataset, table.table))


def quoted(identifier: str) -> str:
    """An identifier of BigQuery's SQL, in backticks.

    Raises:
        SourceError: it holds what no identifier of BigQuery can hold.
    """
    if not identifier or any(not character.isprintable() for character in identifier):
        raise SourceError(f"{identifier!r} is no identifier of BigQuery.")
    escaped = identifier.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
