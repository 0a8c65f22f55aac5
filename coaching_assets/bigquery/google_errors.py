"""Translates the exceptions of Google's libraries into `SourceError`s that name the table or setting and the remedy.

BigQuery's error codes: https://cloud.google.com/bigquery/docs/error-messages
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from google.api_core import exceptions as google
from google.auth.exceptions import GoogleAuthError
from requests.exceptions import RequestException

from coaching_assets.bigquery.error_rules import error_rule_for
from coaching_assets.bigquery.errors import SourceError

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


def _reason(error: BaseException) -> str:
    """What Google said, on one line."""
    if isinstance(error, GoogleAuthError):
        text = _rejection(error)
    elif isinstance(error, RequestException):
        text = _innermost(error)
    else:
        text = str(getattr(error, "message", "") or error)
    lines = text.strip().splitlines() or [type(error).__name__]
    # Google's client puts the request in front of BigQuery's message.
    return re.sub(r"^[A-Z]+ https?://\S+: ", "", lines[0])[:MAX_REASON_CHARACTERS]


def _rejection(error: GoogleAuthError) -> str:
    """The first argument, or the message in the answer of Google's IAM API, which the library passes as the second."""
    try:
        return str(json.loads(error.args[1])["error"]["message"])
    except (IndexError, KeyError, TypeError, ValueError):
        return _innermost(error)


def _innermost(error: BaseException) -> str:
    """The text of the cause that `requests` and `urllib3` wrap in exceptions of their own."""
    while inner := [part for part in (getattr(error, "reason", None), *error.args) if isinstance(part, BaseException)]:
        error = inner[-1]
    first = next(iter(error.args), None)
    return first if isinstance(first, str) else str(error)
