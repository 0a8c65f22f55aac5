"""The errors of BigQuery. `google_errors` creates most of them from the exceptions of Google's libraries."""

from coaching_assets.errors import CoachingError

CREDENTIALS_REMEDY = (
    "Set GOOGLE_APPLICATION_CREDENTIALS to the path of a service account's key or credential configuration, fill in "
    "[sources.bigquery.credentials] in .dlt/secrets.toml, or run `gcloud auth application-default login`"
)
DATASET_REMEDY = "Set {setting} to the dataset that Fivetran fills, or grant roles/bigquery.dataViewer on it."


class SourceError(CoachingError):
    """Base of the errors that BigQuery causes."""


class TableNotFound(SourceError):
    """The table or its dataset does not exist, or was deleted a moment ago."""


class DatasetNotFound(SourceError):
    """A required dataset does not exist, or the account may not see it."""


class ProjectNotFound(SourceError):
    """The Google Cloud project does not exist."""


class AccessDenied(SourceError):
    """The credentials are missing, wrong or expired, or lack a permission."""


class ColumnDenied(AccessDenied):
    """The account may read the table, but not a column that a policy tag protects."""


class LimitExceeded(SourceError):
    """A query would exceed a limit that this project's settings define.

    `is_daily` says whether it is the limit per day.
    """

    def __init__(self, message: str, *, is_daily: bool = False) -> None:
        super().__init__(message)
        self.is_daily = is_daily


class Unavailable(SourceError):
    """BigQuery is out of reach or busy. A later attempt may succeed."""
