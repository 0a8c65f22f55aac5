"""Every setting of the project, typed, in one place: the environment first, then `.dlt/secrets.toml`."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from coaching_assets.secrets_file import POSTGRES_SECTION, SecretsFile, SettingError

__all__ = ["SecretsFile", "SettingError", "Settings", "load_settings"]

Origin = Literal["environment", ".dlt/secrets.toml"]
LONGEST_DATASET = 55
"""Postgres allows a schema's name 63 bytes, of which `_staging` needs eight."""
CommaSeparated = Annotated[tuple[str, ...], NoDecode]
CommaSeparatedSecrets = Annotated[tuple[SecretStr, ...], NoDecode]


class Settings(BaseSettings):
    """The settings, each read from the environment variable of its upper-case name.

    Reading them touches no network, and no setting is demanded before something needs it, so that the code location
    loads anywhere.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: SecretStr | None = Field(
        default=None, description="Postgres: `postgresql://user:password@host:5432/database`."
    )
    bigquery_project: str | None = Field(default=None, description="The Google Cloud project of the datasets.")
    gong_dataset: str = Field(default="gongio_ft", description="BigQuery dataset that Fivetran fills from Gong.")
    salesforce_dataset: str = Field(
        default="salesforce_ft", description="BigQuery dataset that Fivetran fills from Salesforce."
    )
    coaching_schema: str = Field(default="public", description="Postgres schema of the application's tables.")
    company_domains: CommaSeparated = Field(
        default=(), description="The company's own e-mail domains, comma-separated; they mark company-side speakers."
    )
    alert_urls: CommaSeparatedSecrets = Field(default=(), description="Apprise URLs for alerts, comma-separated.")
    alert_page_urls: CommaSeparatedSecrets = Field(
        default=(), description="Apprise URLs that are told once when three syncs failed in a row, comma-separated."
    )
    alert_level: Literal["warning", "error"] = Field(
        default="warning", description="The least level that is sent to ALERT_URLS."
    )
    alert_interval_seconds: int = Field(default=60, ge=1, description="How often it is looked for what to alert of.")
    alert_repeat_hours: float = Field(
        default=24.0, gt=0, description="After how long an alert is sent again while it still fails."
    )
    dagster_ui_url: str | None = Field(
        default=None, pattern="^https?://", description="Where people open Dagster's UI; alerts link to it."
    )
    log_format: Literal["text", "json"] = Field(default="text", description="How runs log: as text, or as JSON lines.")

    google_application_credentials: Path | None = Field(
        default=None, description="Google's own: the path of a service account's key. Else the default credentials."
    )
    bigquery_emulator_host: str | None = Field(default=None, description="An emulator's REST address.")
    bigquery_storage_emulator_host: str | None = Field(
        default=None, description="An emulator's gRPC address, host:port, without TLS."
    )
    bigquery_maximum_bytes_billed: int = Field(
        default=10 * 1024**3, gt=0, description="Limit of one query job, in bytes."
    )
    bigquery_read_streams: int = Field(
        default=2, ge=1, le=64, description="Streams that are read at once from one table."
    )
    bigquery_stall_seconds: float = Field(
        default=180.0, gt=0, description="After how long without a row a stream is broken off and resumed."
    )
    replica_overlap_hours: float = Field(
        default=6.0, ge=0, description="How far back each sync reads again, for rows that Fivetran delivered late."
    )
    publish_batch_size: int = Field(
        default=500, ge=1, description="Calls, opportunities or e-mails published in one transaction."
    )
    publish_workers: int = Field(
        default=2, ge=1, le=16, description="Batches that are published at once where more than one batch is due."
    )
    publish_batch_seconds: float = Field(
        default=0.4, gt=0, description="How long a transaction that changes the application's rows should take."
    )
    publish_lock_seconds: float = Field(
        default=0.3, gt=0, description="How long publishing waits for a row that somebody else has locked."
    )
    postgres_retries: int = Field(
        default=3, ge=0, description="How often it is tried again where Postgres cuts off, restarts or is locked."
    )
    postgres_retry_seconds: float = Field(
        default=1.0, gt=0, description="The pause before the first of these; each is twice as long as the one before."
    )
    longest_hours_without_sync: float = Field(
        default=24.0, gt=0, description="After how long the schedule syncs although nothing changed."
    )
    sensor_interval_seconds: int = Field(default=120, ge=1, description="How often BigQuery is asked what changed.")
    sensor_quiet_seconds: int = Field(
        default=60, ge=0, description="How long nothing must have changed before a sync is asked for."
    )
    check_interval_seconds: int = Field(default=600, ge=1, description="How often freshness is checked.")
    published_warn_minutes: float = Field(
        default=75.0, gt=0, description="How far a published table may be behind the source before a warning."
    )
    published_error_minutes: float = Field(default=120.0, gt=0, description="Likewise, before an error.")
    freshness_objectives: Annotated[Mapping[str, tuple[float, float]], NoDecode] = Field(
        default={}, description="Other objectives for some tables, in minutes: `transcripts=30:60,emails=240:480`."
    )
    gong_delivery_hours: float = Field(
        default=26.0, gt=0, description="After how long without anything new in Gong's dataset Fivetran is suspected."
    )
    salesforce_delivery_hours: float = Field(default=6.0, gt=0, description="Likewise in Salesforce's dataset.")
    rejected_rows_error: int = Field(
        default=100, ge=0, description="More rejected rows of a table than this are an error instead of a warning."
    )
    schedule_timezone: str = Field(default="UTC", description="Time zone of the schedules.")
    reconcile_cron: str = Field(default="30 4 * * *", description="When the daily reconciliation runs.")
    reconcile_repair: bool = Field(
        default=True, description="Whether the daily reconciliation mends what it finds, or only reports it."
    )
    reconcile_surplus_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="The share of a table that reconciliation removes at most, because BigQuery has it no more.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only arguments and the environment: one place to look when a value surprises."""
        return init_settings, env_settings

    @field_validator("gong_dataset", "salesforce_dataset")
    @classmethod
    def _possible_dataset(cls, value: str) -> str:
        if re.fullmatch(f"[A-Za-z0-9_]{{1,{LONGEST_DATASET}}}", value) is None:
            raise ValueError(
                f"{value[:LONGEST_DATASET]!r} cannot be; a dataset has letters, digits and underscores,"
                f" and at most {LONGEST_DATASET} of them, since the replica's schema has its name"
            )
        return value

    @field_validator("company_domains", "alert_urls", "alert_page_urls", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("company_domains", mode="after")
    @classmethod
    def _plain_domains(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(domain.lower().lstrip("@") for domain in value)

    @field_validator("freshness_objectives", mode="before")
    @classmethod
    def _split_objectives(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        objectives: dict[str, tuple[float, float]] = {}
        for part in filter(None, map(str.strip, value.split(","))):
            found = re.fullmatch(r"(\w+)\s*=\s*([\d.]+)\s*:\s*([\d.]+)", part)
            if found is None:
                raise ValueError(f"{part!r} is not like transcripts=30:60 (minutes to a warning, to an error)")
            objectives[found[1]] = (float(found[2]), float(found[3]))
        return objectives

    def objective(self, published_table: str) -> tuple[timedelta, timedelta]:
        """How far a published table may be behind the source: before a warning, and before an error."""
        default = (self.published_warn_minutes, self.published_error_minutes)
        warn, error = self.freshness_objectives.get(published_table, default)
        return timedelta(minutes=warn), timedelta(minutes=error)

    @property
    def alert_repeat(self) -> timedelta:
        """After how long an alert is sent again while it still fails."""
        return timedelta(hours=self.alert_repeat_hours)

    @property
    def longest_without_sync(self) -> timedelta:
        """After how long the schedule syncs although nothing changed."""
        return timedelta(hours=self.longest_hours_without_sync)

    def delivery_objective(self, source: str) -> timedelta:
        """How long a dataset may have nothing new before Fivetran is suspected."""
        return timedelta(hours=self.gong_delivery_hours if source == "gong" else self.salesforce_delivery_hours)

    @property
    def replica_overlap(self) -> timedelta:
        """How far back each sync reads again."""
        return timedelta(hours=self.replica_overlap_hours)

    @property
    def datasets(self) -> Mapping[str, str]:
        """The configured BigQuery dataset of each source, which is also its Postgres schema."""
        return {"gong": self.gong_dataset, "salesforce": self.salesforce_dataset}

    @cached_property
    def secrets_file(self) -> SecretsFile:
        """`.dlt/secrets.toml` of the working directory, or of `DLT_PROJECT_DIR`, where dlt looks for it too."""
        return SecretsFile.read(Path(os.environ.get("DLT_PROJECT_DIR", ".")))

    @property
    def database_url_origin(self) -> Origin | None:
        """Where the Postgres credentials come from; None where there are none."""
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
        """The Postgres connection URL, with a password, from the environment or `.dlt/secrets.toml`.

        Raises:
            SettingError: there is none, or it is no Postgres URL.
        """
        url = self.database_url.get_secret_value() if self.database_url else _as_url(self.secrets_file.postgres)
        if not url:
            raise SettingError(
                "DATABASE_URL is not set. Set it to postgresql://user:password@host:5432/database, "
                f"or write [{POSTGRES_SECTION}] into .dlt/secrets.toml."
            )
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in {"postgres", "postgresql"}:
            raise SettingError("DATABASE_URL must start with postgresql://; see docs/settings.md.")
        return _encrypted(f"postgresql://{rest}")

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
        defaults = {name: Settings.model_fields[name].get_default(call_default_factory=True) for name in wrong}
        return Settings(**overrides | defaults), SettingError(f"Wrong settings: {problems}.")


def _encrypted(url: str) -> str:
    """The URL with `sslmode=require`, where it says nothing of it and the server is on another machine."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    hosts = {parts.hostname or "", *query.get("host", "").split(",")} - {""}
    if "sslmode" in query or "PGSSLMODE" in os.environ or all(_is_local(unquote(host)) for host in hosts):
        return url
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, "sslmode=require"]))))


def _is_local(host: str) -> bool:
    """Whether a host is this machine: by name, a loopback address, or the folder of a Unix socket."""
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _as_url(credentials: str | Mapping[str, Any] | None) -> str | None:
    """dlt takes a connection string or its parts; both become a URL."""
    if credentials is None or isinstance(credentials, str):
        return credentials
    user, password = (quote(str(credentials.get(part, "")), safe="") for part in ("username", "password"))
    query = credentials.get("query")
    return (
        f"postgresql://{user}:{password}@{credentials.get('host', 'localhost')}:{credentials.get('port', 5432)}"
        f"/{quote(str(credentials.get('database', '')), safe='')}{'?' + urlencode(query) if query else ''}"
    )
