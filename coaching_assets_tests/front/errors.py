"""The errors of Google's two APIs, with the payloads that their clients parse."""

import json
from dataclasses import dataclass

import grpc

STATUS_NAMES = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


@dataclass
class RestError(Exception):
    """An error of the REST API: https://cloud.google.com/bigquery/docs/error-messages .

    `location` is the faulty parameter: https://github.com/googleapis/python-bigquery, tests/unit/test_client.py.
    """

    status: int
    reason: str
    message: str
    location: str | None = None

    def body(self) -> bytes:
        """The payload, from which `google.api_core.exceptions.from_http_response` takes message and errors."""
        detail = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.location is not None:
            detail |= {"location": self.location, "locationType": "parameter"}
        error = {"code": self.status, "message": self.message, "errors": [detail]}
        if self.status in STATUS_NAMES:
            error["status"] = STATUS_NAMES[self.status]
        return json.dumps({"error": error}).encode()


@dataclass
class ReadError(Exception):
    """An error of the Storage Read API: https://grpc.io/docs/guides/error .

    BigQuery puts `request failed: ` before the message of a query error:
    https://github.com/coiled/dask-bigquery/issues/56
    """

    code: grpc.StatusCode
    message: str


def invalid_query(message: str) -> RestError:
    """BigQuery's answer to a query that it does not run."""
    return RestError(400, "invalidQuery", message, location="q")


def access_denied(message: str) -> RestError:
    """BigQuery's answer to a request that the account may not send."""
    return RestError(403, "accessDenied", f"Access Denied: {message}")


def failed(code: grpc.StatusCode, message: str) -> ReadError:
    """The Read API's answer to a session whose query BigQuery does not run."""
    return ReadError(code, f"request failed: {message}")
