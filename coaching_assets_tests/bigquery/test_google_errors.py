"""The exceptions of Google's libraries as sentences."""

import pytest
from google.api_core import exceptions as google
from google.auth.exceptions import RefreshError, TransportError
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ProxyError

from coaching_assets.bigquery.error_rules import reasons
from coaching_assets.bigquery.errors import (
    AccessDenied,
    LimitExceeded,
    ProjectNotFound,
    SourceError,
    TableNotFound,
    Unavailable,
)
from coaching_assets.bigquery.google_errors import Subject, translate, translated_errors

CALL = Subject("acme", "gongio_ft", "call")
REQUEST = "GET https://bigquery.googleapis.com/bigquery/v2/projects/acme/datasets/gongio_ft/tables/call: "

CASES = [
    (RefreshError("invalid_grant"), AccessDenied, "Google rejects the credentials for acme"),
    (TransportError("no route"), Unavailable, "Check this machine's network"),
    (NoConnection("refused"), Unavailable, "Check this machine's network"),
    (google.NotFound(f"{REQUEST}Not found: Project acme"), ProjectNotFound, "project 'acme' does not exist"),
    (google.NotFound(f"{REQUEST}Not found: Table call"), TableNotFound, "acme.gongio_ft.call does not exist"),
    (google.Unauthorized("invalid"), AccessDenied, "BigQuery rejects the credentials for acme.gongio_ft.call"),
    (google.ResourceExhausted("Sent message larger than max"), SourceError, "A row of acme.gongio_ft.call is larger"),
    (google.TooManyRequests("slow down"), Unavailable, "quota of project acme is used up (slow down)"),
    (google.Forbidden("no", errors=[{"reason": "quotaExceeded"}]), Unavailable, "quota of project acme is used up"),
    (google.Forbidden("API has not been used"), AccessDenied, "API is not enabled in project acme"),
    (google.Forbidden("no"), AccessDenied, "denies access to acme.gongio_ft.call"),
    (
        google.Forbidden("Billing has not been enabled", errors=[{"reason": "billingNotEnabled"}]),
        AccessDenied,
        "Billing is not enabled in project acme (Billing has not been enabled)",
    ),
    (google.Forbidden("Response too large", errors=[{"reason": "responseTooLarge"}]), SourceError, "is too large"),
    (
        google.PermissionDenied("request failed: the user does not have 'bigquery.readsessions.create' permission"),
        AccessDenied,
        "run jobs or read sessions in project acme",
    ),
    (google.FailedPrecondition("expired"), Unavailable, "expired twice"),
    (
        google.BadRequest(f"{REQUEST}Bad column\nmore"),
        SourceError,
        "the request for acme.gongio_ft.call: Bad c",
    ),
    (google.InternalServerError("oops"), Unavailable, "BigQuery failed on acme.gongio_ft.call (oops)"),
    (google.ServiceUnavailable("away"), Unavailable, "Check this machine's network"),
    (google.RetryError("timeout", cause=google.Forbidden("no")), AccessDenied, "denies access"),
    (google.RetryError("timeout", cause=None), Unavailable, "Check this machine's network"),
]

DOCUMENTED = {
    "accessDenied": (403, AccessDenied, "denies access to acme.gongio_ft.call"),
    "attributeError": (400, SourceError, "rejects the request"),
    "backendError": (503, Unavailable, "BigQuery failed on acme.gongio_ft.call"),
    "badRequest": (400, SourceError, "rejects the request"),
    "billingNotEnabled": (403, AccessDenied, "Billing is not enabled"),
    "billingTierLimitExceeded": (400, LimitExceeded, "needs more resources"),
    "blocked": (403, Unavailable, "Contact Google Cloud support"),
    "duplicate": (409, SourceError, "rejects the request"),
    "internalError": (500, Unavailable, "BigQuery failed on"),
    "invalid": (400, SourceError, "rejects the request"),
    "invalidQuery": (400, SourceError, "rejects the request"),
    "invalidUser": (400, SourceError, "rejects the request"),
    "jobBackendError": (400, Unavailable, "BigQuery failed on"),
    "jobInternalError": (400, Unavailable, "BigQuery failed on"),
    "jobRateLimitExceeded": (400, Unavailable, "quota of project acme"),
    "notFound": (404, TableNotFound, "does not exist in BigQuery"),
    "notImplemented": (501, Unavailable, "BigQuery failed on"),
    "policyViolation": (403, AccessDenied, "A policy of the organization"),
    "quotaExceeded": (403, Unavailable, "quota of project acme"),
    "rateLimitExceeded": (403, Unavailable, "quota of project acme"),
    "resourceInUse": (400, Unavailable, "BigQuery failed on"),
    "resourcesExceeded": (400, LimitExceeded, "needs more resources"),
    "responseTooLarge": (403, SourceError, "is too large"),
    "stopped": (200, Unavailable, "Somebody cancelled the query"),
    "tableUnavailable": (400, Unavailable, "Try again later"),
    "timeout": (400, Unavailable, "did not finish the query"),
}
"""Status, error and words for each reason, but `proxyAuthenticationRequired`, which is the proxy's answer."""


@pytest.mark.parametrize("reason", DOCUMENTED)
def test_every_documented_reason_has_a_sentence_that_says_what_bigquery_said(reason: str) -> None:
    """The table of https://cloud.google.com/bigquery/docs/error-messages ."""
    status, kind, words = DOCUMENTED[reason]
    said = "Said by BigQuery: 7 of 5"
    error = google.from_http_status(status, f"{REQUEST}{said}", errors=[{"reason": reason, "message": said}])
    translated = translate(CALL, error)
    assert type(translated) is kind
    assert words in str(translated)
    if kind is not TableNotFound:
        assert said in str(translated)


PERIMETER = "VPC Service Controls: Request is prohibited by organization's policy."
QUOTA_PROJECT = (
    "Caller does not have required permission to use project p. Grant roles/serviceusage.serviceUsageConsumer"
)
NETWORK = [
    (ProxyError("Cannot connect", OSError("Tunnel connection failed: 407 Proxy Authentication Required")), "407 Proxy"),
    (TransportError(ProxyError("Cannot connect", OSError("Tunnel connection failed: 403"))), "HTTPS_PROXY"),
    (NoConnection(OSError("Name or service not known")), "(Name or service not known). Check this machine's network"),
    (google.ServiceUnavailable("failed to connect to all addresses"), "(failed to connect to all addresses)"),
    (google.Forbidden(PERIMETER), "Let the policy or the VPC Service Controls perimeter admit"),
    (google.Forbidden(QUOTA_PROJECT), "unset GOOGLE_CLOUD_QUOTA_PROJECT"),
    (google.Forbidden("BigQuery API is disabled. SERVICE_DISABLED"), "API is not enabled in project acme"),
    (RefreshError("invalid_grant: Invalid JWT Signature.", {"error": "invalid_grant"}), "(invalid_grant: Invalid JWT"),
]


@pytest.mark.parametrize(("error", "words"), NETWORK, ids=[words for _, words in NETWORK])
def test_what_lies_before_bigquery_is_named(error: Exception, words: str) -> None:
    """A proxy, a network, a perimeter (https://cloud.google.com/vpc-service-controls/docs/troubleshooting), a quota
    project (https://cloud.google.com/docs/quotas/set-quota-project) or a token server."""
    assert words in str(translate(CALL, error))


def test_the_project_that_is_billed_is_named_where_its_rights_or_quotas_are_missing() -> None:
    subject = Subject("acme", "gongio_ft", "call", billing_project="acme-billing")
    for error in (
        google.TooManyRequests("slow down"),
        google.Forbidden("API has not been used"),
        google.Forbidden("no billing", errors=[{"reason": "billingNotEnabled"}]),
        google.Forbidden("Access Denied: Project acme-billing: User does not have bigquery.jobs.create permission"),
    ):
        assert "project acme-billing" in str(translate(subject, error)), error
    assert "acme.gongio_ft.call" in str(translate(subject, google.Forbidden("no")))


@pytest.mark.parametrize(
    ("error", "kind", "words"), CASES, ids=[f"{type(error).__name__}: {words}" for error, _, words in CASES]
)
def test_an_exception_becomes_a_sentence(error: Exception, kind: type[SourceError], words: str) -> None:
    translated = translate(CALL, error)
    assert type(translated) is kind
    assert words in str(translated)
    assert "https://" not in str(translated)
    assert str(translated).count(". ") <= 2


def test_a_missing_emulator_is_named_by_its_settings() -> None:
    emulator = Subject("acme", "gongio_ft", "call", emulator=True)
    assert "BIGQUERY_EMULATOR_HOST" in str(translate(emulator, google.ServiceUnavailable("away")))


def test_other_exceptions_pass_unchanged() -> None:
    with pytest.raises(KeyError), translated_errors(CALL):
        raise KeyError
    with pytest.raises(AccessDenied), translated_errors(CALL):
        raise google.Forbidden("no")


def test_reasons_are_empty_where_google_gives_none() -> None:
    assert reasons(google.Forbidden("no")) == frozenset()
    assert reasons(google.Forbidden("no", errors=[{"reason": "accessDenied"}, "text"])) == {"accessDenied"}
