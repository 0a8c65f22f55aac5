"""What the suite's query jobs cost, by BigQuery's own list of jobs."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, QueryJob

MAXIMUM_BYTES_PER_QUERY = 50 * 1024**2
"""BIGQUERY_MAXIMUM_BYTES_BILLED while the suite runs."""


@dataclass(frozen=True)
class Bill:
    """The query jobs that read some datasets, and the bytes that they bill."""

    jobs: "tuple[QueryJob, ...]"

    @property
    def bytes_billed(self) -> int:
        """The sum over all jobs, as BigQuery reports them."""
        return sum(job.total_bytes_billed or 0 for job in self.jobs)

    @property
    def without_limit(self) -> list[str]:
        """The ids of jobs that could bill more than `MAXIMUM_BYTES_PER_QUERY`."""
        limited = range(1, MAXIMUM_BYTES_PER_QUERY + 1)
        return [job.job_id for job in self.jobs if job.maximum_bytes_billed not in limited]


def bill_of(client: "Client", datasets: tuple[str, ...], since: datetime) -> Bill:
    """The query jobs of this account since then whose text names one of the datasets.

    Args:
        client: its project is the one that is billed.
        datasets: names that no other job mentions.
        since: a time before the first job.
    """
    from google.cloud.bigquery import QueryJob

    jobs = [job for job in client.list_jobs(min_creation_time=since) if isinstance(job, QueryJob)]
    own = [job for job in jobs if any(name in job.query for name in datasets)]
    # a list of jobs lacks the details of a query's statistics
    return Bill(tuple(client.get_job(job.job_id, location=job.location) for job in own))
