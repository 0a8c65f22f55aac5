"""Every setting of the project, typed. The environment takes precedence over `.dlt/secrets.toml`."""

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from coaching_assets.database_url import NotAPostgresURL, connection_parameters, render_url, url_from_parts
from coaching_assets.errors import SettingError
from coaching_assets.schema_names import conflict
from coaching_assets.secrets_file import POSTGRES_SECTION, SecretsFile, read_secrets_file
from coaching_assets.setting_types import Cron, DatasetName, Domains, Objectives, Secrets, TimeZone

__all__ = ["SettingError", "Settings", "load_settings", "usable_settings"]

Origin = Literal["environment", ".dlt/secrets.toml"]
SCHEMA_SETTINGS = ("replica_schema_prefix", "gong_dataset", "salesforce_dataset", "coaching_schema")
"""Settings that name schemas, which must differ."""


class Settings(BaseSettings):
    """The settings, each from the environment variable with its name in upper case.

    Creating them touches no network. A missing setting is an error only when something needs it, so the code location
    always loads.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: SecretStr | None = Field(
        default=None, description="Postgres 15 or newer: `postgresql://user:password@host:5432/database`."
    )
    bigquery_project: str | None = Field(default=None, description="Google Cloud project of the datasets.")
    bigquery_billing_project: str | None = Field(
        default=None, description="Project that is billed and whose quotas apply; by default `BIGQUERY_PROJECT`."
    )
    gong_dataset: DatasetName = Field(
        default="gongio_ft",
        description="Dataset that Fivetran fills from Gong; the replica's Postgres schema is named after it.",
    )
    salesforce_dataset: DatasetName = Field(
        default="salesforce_ft",
        description="Dataset that Fivetran fills from Salesforce; its Postgres schema is named after it.",
    )
    coaching_schema: str = Field(default="public", description="Postgres schema of the application's tables.")
    replica_schema_prefix: str = Field(
        default="",
        validate_default=True,
        description="Goes before the datasets' names in the names of the replica's Postgres schemas.",
    )
    company_domains: Domains = Field(
        default=(), description="Your own e-mail domains, comma-separated; they mark company-side speakers."
    )
    alert_urls: Secrets = Field(default=(), description="Apprise URLs that receive alerts, comma-separated.")
    alert_page_urls: Secrets = Field(
        default=(), description="Apprise URLs that receive one message after three failed syncs in a row."
    )
    alert_level: Literal["warning", "error"] = Field(
        default="warning", description="Lowest level that is sent to `ALERT_URLS`: `warning` or `error`."
    )
    alert_interval_seconds: int = Field(default=60, ge=1, description="Seconds between two checks for failures.")
    alert_repeat_hours: float = Field(
        default=24.0, gt=0, description="Hours after which an alert is sent again while the failure lasts."
    )
    dagster_ui_url: str | None = Field(
        default=None, pattern="^https?://", description="Address of Dagster's UI; alerts link to it."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="`text`, or `json` for one JSON object per line."
    )

    google_application_credentials: Path | None = Field(
        default=None,
        description="Path of a service account key; without it, Google's application default credentials apply.",
    )
    bigquery_emulator_host: str | None = Field(
        default=None, description="REST address of an emulator; no credentials are needed then."
    )
    bigquery_storage_emulator_host: str | None = Field(
        default=None, description="gRPC address of an emulator, `host:port`, without TLS."
    )
    bigquery_maximum_bytes_billed: int = Field(
        default=10 * 1024**3, gt=0, description="Maximum bytes that one query job may bill (10 GiB)."
    )
    bigquery_read_streams: int = Field(
        default=2,
        ge=1,
        le=64,
        description="Parallel read streams per table, 1 to 64; each may need 30 to 60 MB more memory.",
    )
    bigquery_stall_seconds: float = Field(
        default=180.0, gt=0, description="Seconds of silence until a stream is resumed, doubled until it answers."
    )
    replica_overlap_hours: float = Field(
        default=6.0, ge=0, description="Hours that each sync reads again, for rows that Fivetran delivers late."
    )
    publish_batch_size: int = Field(
        default=500, ge=1, description="Maximum number of calls, opportunities or e-mails per transaction."
    )
    publish_workers: int = Field(
        default=2, ge=1, le=16, description="Batches written in parallel, each on its own connection, 1 to 16."
    )
    publish_batch_seconds: float = Field(
        default=0.4, gt=0, description="Target duration of a transaction that changes the application's rows."
    )
    publish_lock_seconds: float = Field(
        default=0.3, gt=0, description="Seconds that publishing waits for a row that another transaction has locked."
    )
    postgres_retries: int = Field(
        default=3, ge=0, description="Number of retries after a lost connection, a restart or a lock timeout."
    )
    postgres_retry_seconds: float = Field(
        default=1.0, gt=0, description="Pause before the first retry; each further pause is twice as long."
    )
    longest_hours_without_sync: float = Field(
        default=24.0, gt=0, description="Hours after which the hourly schedule syncs although nothing changed."
    )
    sensor_interval_seconds: int = Field(
        default=120, ge=1, description="Seconds between two checks for changes in BigQuery."
    )
    sensor_quiet_seconds: int = Field(
        default=60, ge=0, description="Seconds without a further change before the sensor requests a sync."
    )
    check_interval_seconds: int = Field(
        default=600, ge=1, description="Seconds between two evaluations of the freshness checks."
    )
    published_warn_minutes: float = Field(
        default=75.0, gt=0, description="Minutes that a published table may be behind before a warning."
    )
    published_error_minutes: float = Field(
        default=120.0, gt=0, description="Minutes that a published table may be behind before an error."
    )
    freshness_objectives: Objectives = Field(
        default={}, description="Other objectives for some tables: `transcripts=30:60,emails=240:480` (minutes)."
    )
    gong_delivery_hours: float = Field(
        default=26.0, gt=0, description="Hours without a new row in Gong's dataset before `source_is_fresh` fails."
    )
    salesforce_delivery_hours: float = Field(
        default=6.0, gt=0, description="Hours without a new row in Salesforce's dataset before `source_is_fresh` fails."
    )
    rejected_rows_error: int = Field(
        default=100, ge=0, description="More rejected rows than this in a table are an error instead of a warning."
    )
    schedule_timezone: TimeZone = Field(default="UTC", description="Time zone of the schedules.")
    reconcile_cron: Cron = Field(default="30 4 * * *", description="When the daily reconciliation runs.")
    reconcile_repair: bool = Field(
        default=True, description="Whether the daily reconciliation repairs differences or only reports them."
    )
    reconcile_surplus_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Largest share of a table that it removes because BigQuery no longer has the rows.",
    )

    _schemas: Mapping[str, str] | None = PrivateAttr(default=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read only arguments and the environment."""
        return init_settings, env_settings

    @field_validator("replica_schema_prefix")
    @classmethod
    def _separate_schemas(cls, value: str, info: ValidationInfo) -> str:
        """Check the names of all schemas, which the settings before this one complete."""
        if re.fullmatch("[A-Za-z0-9_]*", value) is None:
            raise ValueError(f"{value!r} cannot begin a schema's name; use letters, digits and underscores")
        replica = [value + info.data[name] for name in ("gong_dataset", "salesforce_dataset") if name in info.data]
        if found := conflict(replica, info.data.get("coaching_schema", "")):
            raise ValueError(found)
        return value

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


def load_settings(**overrides: Any) -> Settings:
    """Read the settings of this process's environment.

    Args:
        overrides: values that win over the environment, by the settings' names in lower case.

    Raises:
        SettingError: a value cannot be used; the message names the variable.
    """
    settings, error = usable_settings(**overrides)
    if error is not None:
        raise error
    return settings


def usable_settings(**overrides: Any) -> tuple[Settings, SettingError | None]:
    """Read the settings, with the default in place of each one that cannot be used.

    Dagster's definitions are built from these: a wrong setting must not keep the code location from loading. Runs and
    sensors load the settings again and fail with the sentence.

    Returns:
        The settings, and the error that `load_settings` would raise.
    """
    try:
        return Settings(**overrides), None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        wrong = {str(e["loc"][0]) for e in error.errors()}
        if "replica_schema_prefix" in wrong:
            wrong |= set(SCHEMA_SETTINGS)
        defaults = {name: Settings.model_fields[name].get_default(call_default_factory=True) for name in wrong}
        return Settings(**overrides | defaults), SettingError(
            f"Wrong settings: {problems}. Correct the environment variables."
        )
