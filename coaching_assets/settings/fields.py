"""Each setting with its type, default and description."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from coaching_assets.schema_names import conflict
from coaching_assets.settings.types import Cron, DatasetName, Domains, Objectives, Secrets, TimeZone


class Fields(BaseSettings):
    """The values of the settings, each from the environment variable with its name in upper case."""

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
        description="Path of Google credentials, a key or configuration; by default, application default credentials.",
    )
    bigquery_emulator_host: str | None = Field(
        default=None, description="REST address of an emulator; no credentials are needed then."
    )
    bigquery_storage_emulator_host: str | None = Field(
        default=None, description="gRPC address of an emulator, `host:port`, without TLS."
    )
    bigquery_api_endpoint: str | None = Field(
        default=None, description="REST address in place of Google's, as for Private Service Connect."
    )
    bigquery_storage_api_endpoint: str | None = Field(
        default=None, description="gRPC address with TLS in place of Google's, `host` or `host:port`."
    )
    bigquery_maximum_bytes_billed: int = Field(
        default=10 * 1024**3, gt=0, description="Maximum bytes that one query job may bill (10 GiB)."
    )
    bigquery_daily_bytes: int | None = Field(
        default=None, ge=0, description="Bytes that BigQuery may bill per day (UTC); 0 or nothing sets no limit."
    )
    bigquery_query_price: float = Field(default=6.25, ge=0, description="Price of a TiB billed by queries, in dollars.")
    bigquery_read_price: float = Field(
        default=1.1, ge=0, description="Price of a TiB read by the Storage Read API, in dollars."
    )
    bigquery_free_query_tib: float = Field(
        default=1.0, ge=0, description="TiB of queries per month that your billing account has free of charge."
    )
    bigquery_free_read_tib: float = Field(
        default=300.0, ge=0, description="TiB of reads per month that your billing account has free of charge."
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
    reconcile_slice_days: float = Field(
        default=35.0,
        gt=0,
        description="Days within which it must prove each slice of a table that it compares by slices.",
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
