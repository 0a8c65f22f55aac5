"""What can go wrong at BigQuery, each as one clear sentence that names the table or the setting and the remedy."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from coaching_assets.errors import CoachingError

CREDENTIALS_REMEDY = (
    "Set GOOGLE_APPLICATION_CREDENTIALS to the path of a service account's key, write "
    "[sources.bigquery.credentials] into .dlt/secrets.toml, or run `gcloud auth application-default login`"
)
DATASET_REMEDY = "Set {setting} to the dataset that Fivetran fills, or grant roles/bigquery.dataViewer on it."
ROLES = "BigQuery Data Viewer, BigQuery Job User and BigQuery Read Session User"
QUOTA_REASONS = frozenset({"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded"})


class SourceError(CoachingError):
    """BigQuery did not give what was asked for; the message is one sentence or two, fit for the person on call."""


class TableNotFound(SourceError):
    """The table or its dataset does not exist, or existed only until a moment ago."""


class DatasetNotFound(SourceError):
    """A dataset that nothing works without does not exist, or may not be seen."""


class ProjectNotFound(SourceError):
    """There is no such Google Cloud project."""


class AccessDenied(SourceError):
    """BigQuery knows who asks, or not, and refuses."""


class LimitExceeded(SourceError):
    """A limit of this project's own settings would be exceeded."""


class Unavailable(SourceError):
    """BigQuery cannot be reached or is busy; trying again later may help."""


@dataclass(frozen=True)
class Subject:
    """What a request is about, for the message."""

    project: str
    dataset: str | None = None
    table: str | None = None
    emulator: bool = False

    def __str__(self) -> str:
        """`project.dataset.table`, as far as it is known."""
        return ".".join(part for part in (self.project, self.dataset, self.table) if part)


@contextmanager
def explained(subject: Subject) -> Iterator[None]:
    """Turn what Google's libraries raise in the block into a `SourceError`; everything else passes."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, RequestException) as error:
        raise explain(subject, error) from error


def explain(subject: Subject, error: BaseException) -> SourceError:
    """The `SourceError` for an exception of Google's libraries."""
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError, TransportError

    if isinstance(error, exceptions.RetryError):
        return explain(subject, error.cause) if error.cause is not None else _unreachable(subject)
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        return AccessDenied(
            f"Google does not accept the credentials for {subject.project}: they are wrong, expired or revoked. "
            f"{CREDENTIALS_REMEDY}."
        )
    if isinstance(error, exceptions.NotFound):
        return _not_found(subject, error)
    if isinstance(error, exceptions.Unauthorized):
        return AccessDenied(f"BigQuery does not accept the credentials for {subject}. {CREDENTIALS_REMEDY}.")
    if "larger than max" in str(error):
        return SourceError(f"A row of {subject} is too large for the server to send ({_first_line(error)}).")
    if isinstance(error, exceptions.TooManyRequests) or (reasons(error) & QUOTA_REASONS):
        return Unavailable(
            f"BigQuery's quota for project {subject.project} is used up ({_first_line(error)}). "
            "Try again later, or raise the quota in the Google Cloud console."
        )
    if isinstance(error, exceptions.Forbidden) and "has not been used" in str(error):
        return AccessDenied(
            f"The BigQuery API is not enabled in project {subject.project}. "
            "Enable the BigQuery API and the BigQuery Storage API in the Google Cloud console."
        )
    if isinstance(error, exceptions.Forbidden):
        return AccessDenied(
            f"BigQuery denies access to {subject}, or it does not exist. "
            f"Grant the account of this project {ROLES}, or correct BIGQUERY_PROJECT."
        )
    if isinstance(error, exceptions.FailedPrecondition):
        return Unavailable(
            f"BigQuery's session for reading {subject} expired before its end, twice ({_first_line(error)}). "
            "The next sync reads it again."
        )
    if isinstance(error, exceptions.ClientError):
        return SourceError(f"BigQuery rejects the request for {subject}: {_first_line(error)}")
    return _unreachable(subject, error)


def reasons(error: BaseException) -> frozenset[str]:
    """The machine-readable reasons that BigQuery's REST API gives, such as `bytesBilledLimitExceeded`."""
    details: list[Any] = getattr(error, "errors", None) or []
    return frozenset(str(detail["reason"]) for detail in details if isinstance(detail, dict) and "reason" in detail)


def _not_found(subject: Subject, error: BaseException) -> SourceError:
    if "project" in str(error).lower().partition("not found: ")[2][:8]:
        return ProjectNotFound(f"There is no Google Cloud project {subject.project!r}. Correct BIGQUERY_PROJECT.")
    return TableNotFound(
        f"{subject} does not exist at BigQuery. Select the table in Fivetran, "
        "or correct BIGQUERY_PROJECT, GONG_DATASET or SALESFORCE_DATASET."
    )


def _unreachable(subject: Subject, error: BaseException | None = None) -> SourceError:
    from google.api_core.exceptions import GoogleAPICallError, ServiceUnavailable

    if subject.emulator:
        return Unavailable(
            f"The BigQuery emulator did not answer about {subject}. Is it running, and are BIGQUERY_EMULATOR_HOST "
            "and BIGQUERY_STORAGE_EMULATOR_HOST right?"
        )
    if isinstance(error, GoogleAPICallError) and not isinstance(error, ServiceUnavailable):
        return Unavailable(f"BigQuery failed on {subject} ({_first_line(error)}). Try again later.")
    return Unavailable(f"BigQuery cannot be reached for {subject}. Check this machine's network and proxy settings.")


def _first_line(error: BaseException) -> str:
    text = str(getattr(error, "message", "") or error).strip() or type(error).__name__
    # Google's client puts the request before what BigQuery said
    return re.sub(r"^[A-Z]+ https?://\S+: ", "", text.splitlines()[0])[:300]
