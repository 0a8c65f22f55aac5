"""The settings with everything that follows from them. The environment takes precedence over `.dlt/secrets.toml`."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Literal, Self

from pydantic import PrivateAttr

from coaching_assets.database_url import NotAPostgresURL, connection_parameters, render_url, url_from_parts
from coaching_assets.errors import SettingError
from coaching_assets.settings.fields import Fields
from coaching_assets.settings.secrets_file import POSTGRES_SECTION, SecretsFile, read_secrets_file

Origin = Literal["environment", ".dlt/secrets.toml"]


class Settings(Fields):
    """The settings of a process.

    Creating them touches no network. A missing setting is an error only when something needs it, so the code location
    always loads.
    """

    _schemas: Mapping[str, str] | None = PrivateAttr(default=None)

    def objective(self, published_table: str) -> tuple[timedelta, timedelta]:
        """The time that a published table may be behind the source: until a warning, and until an error."""
        default = (self.published_warn_minutes, self.published_error_minutes)
        warn, error = self.freshness_objectives.get(published_table, default)
        return timedelta(minutes=warn), timedelta(minutes=error)

    @property
    def alert_repeat(self) -> timedelta:
        """Time after which an alert is sent again while the failure lasts."""
        return timedelta(hours=self.alert_repeat_hours)

    @property
    def longest_without_sync(self) -> timedelta:
        """Time after which the hourly schedule syncs although nothing changed."""
        return timedelta(hours=self.longest_hours_without_sync)

    def delivery_objective(self, source: str) -> timedelta:
        """Time without a new row in a dataset before `source_is_fresh` fails.

        Args:
            source: `gong` or `salesforce`.
        """
        return timedelta(hours=self.gong_delivery_hours if source == "gong" else self.salesforce_delivery_hours)

    @property
    def replica_overlap(self) -> timedelta:
        """Time range that each sync reads again."""
        return timedelta(hours=self.replica_overlap_hours)

    @property
    def datasets(self) -> Mapping[str, str]:
        """The BigQuery dataset of each source."""
        return {"gong": self.gong_dataset, "salesforce": self.salesforce_dataset}

    @property
    def schemas(self) -> Mapping[str, str]:
        """The Postgres schema of each source's replica."""
        prefix = self.replica_schema_prefix
        return self._schemas or {source: prefix + dataset for source, dataset in self.datasets.items()}

    def with_schemas(self, schemas: Mapping[str, str]) -> Self:
        """Return these settings with the replica in other schemas.

        Args:
            schemas: the Postgres schema of each source.
        """
        settings = self.model_copy()
        settings._schemas = schemas
        return settings

    @cached_property
    def secrets_file(self) -> SecretsFile:
        """The credentials in `.dlt/secrets.toml`.

        Raises:
            SettingError: the file is not valid TOML, or a section has the wrong type.
        """
        return read_secrets_file()

    @property
    def database_url_origin(self) -> Origin | None:
        """Where the Postgres credentials come from; None if there are none."""
        if self.database_url is not None:
            return "environment"
        return ".dlt/secrets.toml" if self.secrets_file.postgres else None

    @property
    def bigquery_credentials_origin(self) -> Origin | None:
        """Where BigQuery's credentials come from; None means Google's application default credentials."""
        if self.google_application_credentials is not None:
            return "environment"
        return ".dlt/secrets.toml" if self.secrets_file.bigquery else None

    def postgres_url(self) -> str:
        """The Postgres connection URL, complete and with the password, from the environment or `.dlt/secrets.toml`.

        Raises:
            SettingError: there is none, or it is not a Postgres URL.
        """
        credentials = self.database_url.get_secret_value() if self.database_url else self.secrets_file.postgres
        if not credentials:
            raise SettingError(
                "DATABASE_URL is not set. Set it to postgresql://user:password@host:5432/database, "
                f"or add [{'.'.join(POSTGRES_SECTION)}] to .dlt/secrets.toml."
            )
        try:
            text = credentials if isinstance(credentials, str) else url_from_parts(credentials)
            return render_url(connection_parameters(text, self.coaching_schema))
        except NotAPostgresURL as error:
            raise SettingError(f"DATABASE_URL {error}. See the page on settings.") from None

    def project(self) -> str:
        """The Google Cloud project of the datasets.

        Raises:
            SettingError: it is not set.
        """
        project = self.bigquery_project or (self.secrets_file.bigquery or {}).get("project_id")
        if not project:
            raise SettingError("BIGQUERY_PROJECT is not set. Set it to the Google Cloud project of the datasets.")
        return str(project)
