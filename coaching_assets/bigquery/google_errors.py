"""Translates the exceptions of Google's libraries into `SourceError`s that name the table or setting and the remedy.

BigQuery's error codes: https://cloud.google.com/bigquery/docs/error-messages
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions as google
from google.auth.exceptions import GoogleAuthError, TransportError
from requests.exceptions import RequestException

from coaching_assets.bigquery.errors import (
    CREDENTIALS_REMEDY,
    AccessDenied,
    ProjectNotFound,
    SourceError,
    TableNotFound,
    Unavailable,
)

ROLES = "BigQuery Data Viewer, BigQuery Job User and BigQuery Read Session User"
QUOTA_REASONS = frozenset({"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded"})
MAX_REASON_CHARACTERS = 300


@dataclass(frozen=True)
class Subject:
    """The object of a request, as error messages name it."""

    project: str
    dataset: str | None = None
    table: str | None = None
    emulator: bool = False
    billing_project: str | None = None
    """The project that runs the request; None: `project`."""

    def __str__(self) -> str:
        """`project.dataset.table`, without the parts that are None."""
        return ".".join(part for part in (self.project, self.dataset, self.table) if part)


@dataclass(frozen=True)
class ErrorRule:
    """The error for the exceptions that `matches` accepts.

    `message` may use {subject}, {project}, {billing} (the project that runs the request) and {reason}, the first line
    of BigQuery's own message.
    """

    matches: Callable[[BaseException], bool]
    error: type[SourceError]
    message: str


def _is(*kinds: type[BaseException]) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, kinds)


def _is_refused_credential(error: BaseException) -> bool:
    return isinstance(error, GoogleAuthError) and not isinstance(error, TransportError)


def _is_missing_project(error: BaseException) -> bool:
    found = str(error).lower().partition("not found: ")[2]
    return isinstance(error, google.NotFound) and found.startswith("project")


def _is_quota(error: BaseException) -> bool:
    return isinstance(error, google.TooManyRequests) or bool(reasons(error) & QUOTA_REASONS)


def _has_reason(reason: str) -> Callable[[BaseException], bool]:
    """Recognize BigQuery's machine-readable reason. Some errors contain it only in their message."""
    return lambda error: reason in reasons(error) or reason in str(error)


def _is_about_jobs(error: BaseException) -> bool:
    return "bigquery.jobs.create" in str(error) or "bigquery.readsessions.create" in str(error)


def _is_disabled_api(error: BaseException) -> bool:
    return isinstance(error, google.Forbidden) and "has not been used" in str(error)


def _is_server_failure(error: BaseException) -> bool:
    return isinstance(error, google.GoogleAPICallError) and not isinstance(error, google.ServiceUnavailable)


ERROR_RULES = (
    ErrorRule(
        _is_refused_credential,
        AccessDenied,
        "Google rejects the credentials for {project}: they are wrong, expired or revoked. " + CREDENTIALS_REMEDY + ".",
    ),
    ErrorRule(
        _is_missing_project,
        ProjectNotFound,
        "The Google Cloud project '{project}' does not exist. Correct BIGQUERY_PROJECT.",
    ),
    ErrorRule(
        _is(google.NotFound),
        TableNotFound,
        "{subject} does not exist in BigQuery. Select the table in Fivetran, or correct BIGQUERY_PROJECT, "
        "GONG_DATASET or SALESFORCE_DATASET.",
    ),
    ErrorRule(
        _is(google.Unauthorized),
        AccessDenied,
        "BigQuery rejects the credentials for {subject}. " + CREDENTIALS_REMEDY + ".",
    ),
    ErrorRule(
        lambda error: "larger than max" in str(error),
        SourceError,
        "A row of {subject} is larger than the server can send ({reason}). Shorten the row's values at the source, "
        "or deselect the largest column in Fivetran.",
    ),
    ErrorRule(
        _is_quota,
        Unavailable,
        "The BigQuery quota of project {billing} is used up ({reason}). Try again later, or raise the quota in the "
        "Google Cloud console.",
    ),
    ErrorRule(
        _is_disabled_api,
        AccessDenied,
        "The BigQuery API is not enabled in project {billing}. Enable the BigQuery API and the BigQuery Storage API "
        "in the Google Cloud console.",
    ),
    ErrorRule(
        _has_reason("billingNotEnabled"),
        AccessDenied,
        "Billing is not enabled in project {billing} ({reason}). Enable it in the Google Cloud console, or set "
        "BIGQUERY_BILLING_PROJECT to a project with billing.",
    ),
    ErrorRule(
        _has_reason("responseTooLarge"),
        SourceError,
        "The query result of {subject} is too large for BigQuery to return ({reason}). Let Fivetran deliver a table "
        "instead of the view, or select fewer columns in the view.",
    ),
    ErrorRule(
        lambda error: isinstance(error, google.Forbidden) and _is_about_jobs(error),
        AccessDenied,
        "BigQuery does not let the account run jobs or read sessions in project {billing} ({reason}). Grant the "
        "account BigQuery Job User and BigQuery Read Session User there, or correct BIGQUERY_BILLING_PROJECT.",
    ),
    ErrorRule(
        _is(google.Forbidden),
        AccessDenied,
        "BigQuery denies access to {subject}, or it does not exist ({reason}). Grant the account " + ROLES + ", "
        "or correct BIGQUERY_PROJECT.",
    ),
    ErrorRule(
        _is(google.FailedPrecondition),
        Unavailable,
        "The BigQuery read session of {subject} expired twice before its end ({reason}). "
        "The next sync reads the table again.",
    ),
    ErrorRule(
        _is(google.ClientError),
        SourceError,
        "BigQuery rejects the request for {subject}: {reason}",
    ),
)
"""The first rule that matches applies."""

EMULATOR_RULE = ErrorRule(
    lambda _: True,
    Unavailable,
    "The BigQuery emulator did not answer the request for {subject}. Start the emulator, or correct "
    "BIGQUERY_EMULATOR_HOST and BIGQUERY_STORAGE_EMULATOR_HOST.",
)
SERVER_RULES = (
    ErrorRule(_is_server_failure, Unavailable, "BigQuery failed on {subject} ({reason}). Try again later."),
    ErrorRule(
        lambda _: True,
        Unavailable,
        "BigQuery is out of reach for {subject}. Check this machine's network and proxy settings.",
    ),
)


@contextmanager
def translated_errors(subject: Subject) -> Iterator[None]:
    """Raise a `SourceError` in place of an exception of Google's libraries; others pass unchanged."""
    try:
        yield
    except (google.GoogleAPIError, GoogleAuthError, RequestException) as error:
        raise translate(subject, error) from error


def translate(subject: Subject, error: BaseException) -> SourceError:
    """The `SourceError` for an exception of Google's libraries."""
    if isinstance(error, google.RetryError) and error.cause is not None:
        return translate(subject, error.cause)
    rule = error_rule_for(error, emulator=subject.emulator)
    billing = subject.billing_project or subject.project
    return rule.error(
        rule.message.format(subject=subject, project=subject.project, billing=billing, reason=_reason(error))
    )


def error_rule_for(error: BaseException, *, emulator: bool = False) -> ErrorRule:
    """The first rule that matches an exception; one always does."""
    fallbacks: tuple[ErrorRule, ...] = (EMULATOR_RULE,) if emulator else SERVER_RULES
    rules: tuple[ErrorRule, ...] = (*ERROR_RULES, *fallbacks)
    return next(rule for rule in rules if rule.matches(error))


def reasons(error: BaseException) -> frozenset[str]:
    """BigQuery's machine-readable reasons, such as `bytesBilledLimitExceeded`; empty if it gives none."""
    details: list[Any] = getattr(error, "errors", None) or []
    return frozenset(str(detail["reason"]) for detail in details if isinstance(detail, dict) and "reason" in detail)


def _reason(error: BaseException) -> str:
    text = str(getattr(error, "message", "") or error).strip() or type(error).__name__
    # Google's client puts the request in front of BigQuery's message.
    return re.sub(r"^[A-Z]+ https?://\S+: ", "", text.splitlines()[0])[:MAX_REASON_CHARACTERS]
