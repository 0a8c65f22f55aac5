"""The errors for the exceptions of Google's libraries: one rule per cause, with the remedy.

BigQuery's error codes: https://cloud.google.com/bigquery/docs/error-messages
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions as google
from google.auth.exceptions import GoogleAuthError, TransportError
from requests.exceptions import ProxyError

from coaching_assets.bigquery.errors import (
    CREDENTIALS_REMEDY,
    AccessDenied,
    ColumnDenied,
    LimitExceeded,
    ProjectNotFound,
    SourceError,
    TableNotFound,
    Unavailable,
)

ROLES = "BigQuery Data Viewer, BigQuery Job User and BigQuery Read Session User"
QUOTA_REASONS = frozenset({"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded", "jobRateLimitExceeded"})


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


def _has_reason(*wanted: str) -> Callable[[BaseException], bool]:
    """Recognize BigQuery's machine-readable reasons. Some errors contain them only in their message."""
    return lambda error: any(reason in reasons(error) or reason in str(error) for reason in wanted)


def _is_proxy_failure(error: BaseException) -> bool:
    """The proxy did not connect to Google. The token request wraps the exception of `requests`."""
    return isinstance(error, ProxyError) or any(isinstance(argument, ProxyError) for argument in error.args)


def _is_denied_column(error: BaseException) -> bool:
    """Recognize both texts, BigQuery's present one and the documented one, which differ."""
    return isinstance(error, google.Forbidden) and bool(re.search("policy tag|fine-grained reader", str(error)))


def _is_about_jobs(error: BaseException) -> bool:
    return "bigquery.jobs.create" in str(error) or "bigquery.readsessions.create" in str(error)


def _is_disabled_api(error: BaseException) -> bool:
    texts = ("has not been used", "SERVICE_DISABLED", "accessNotConfigured")
    return isinstance(error, google.Forbidden) and any(text in str(error) for text in texts)


def _is_server_failure(error: BaseException) -> bool:
    """BigQuery itself answered. A ServiceUnavailable without a reason may be this machine's network."""
    if isinstance(error, google.ServiceUnavailable):
        return bool(reasons(error))
    return isinstance(error, google.GoogleAPICallError)


ERROR_RULES = (
    ErrorRule(
        _is_proxy_failure,
        Unavailable,
        "The proxy does not connect to BigQuery for {subject} ({reason}). Correct HTTPS_PROXY, or let the proxy pass "
        "requests to Google's addresses.",
    ),
    ErrorRule(
        _is_refused_credential,
        AccessDenied,
        "Google rejects the credentials for {project} ({reason}). " + CREDENTIALS_REMEDY + ".",
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
        lambda error: "serviceusage" in str(error),
        AccessDenied,
        "Google does not let the account charge a quota project ({reason}). Grant the account Service Usage Consumer "
        "there, or unset GOOGLE_CLOUD_QUOTA_PROJECT.",
    ),
    ErrorRule(
        _has_reason("policyViolation", "VPC Service Controls", "vpcServiceControls", "prohibited by organization"),
        AccessDenied,
        "A policy of the organization prohibits the request for {subject} ({reason}). Let the policy or the VPC "
        "Service Controls perimeter admit this machine and the account.",
    ),
    ErrorRule(
        lambda error: "blocked" in reasons(error),
        Unavailable,
        "BigQuery has blocked requests like that for {subject} ({reason}). Contact Google Cloud support.",
    ),
    ErrorRule(
        _has_reason("resourcesExceeded", "billingTierLimitExceeded"),
        LimitExceeded,
        "The query of {subject} needs more resources than BigQuery allows ({reason}). Let Fivetran deliver a table "
        "instead of the view, or simplify the view.",
    ),
    ErrorRule(
        _has_reason("jobBackendError", "jobInternalError", "tableUnavailable", "resourceInUse"),
        Unavailable,
        "BigQuery failed on {subject} ({reason}). Try again later.",
    ),
    ErrorRule(
        lambda error: "timeout" in reasons(error),
        Unavailable,
        "BigQuery did not finish the query of {subject} in time ({reason}). Try again later.",
    ),
    ErrorRule(
        lambda error: "stopped" in reasons(error),
        Unavailable,
        "Somebody cancelled the query of {subject} ({reason}). The next sync or comparison runs it again.",
    ),
    ErrorRule(
        _has_reason("responseTooLarge"),
        SourceError,
        "The query result of {subject} is too large for BigQuery to return ({reason}). Let Fivetran deliver a table "
        "instead of the view, or select fewer columns in the view.",
    ),
    ErrorRule(
        _is_denied_column,
        ColumnDenied,
        "Policy tags keep columns of {subject} from the account ({reason}). Grant the account Fine-Grained Reader "
        "(roles/datacatalog.categoryFineGrainedReader) on the policy tag.",
    ),
    ErrorRule(
        lambda error: "can be used for partition elimination" in str(error),
        SourceError,
        "{subject} reads a table that demands a filter on its partitioning column ({reason}). Add such a filter to the "
        "view, or let Fivetran deliver a table instead.",
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
        "BigQuery is out of reach for {subject} ({reason}). Check this machine's network and proxy settings.",
    ),
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
