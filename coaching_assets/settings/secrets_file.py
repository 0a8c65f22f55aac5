"""The credentials in `.dlt/secrets.toml`, where dlt users expect them."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import AliasPath, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from coaching_assets.errors import SettingError

POSTGRES_SECTION = ("destination", "postgres", "credentials")
BIGQUERY_SECTION = ("sources", "bigquery", "credentials")


class SecretsFile(BaseSettings):
    """The credentials for both servers; each None if missing."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    postgres: str | Mapping[str, Any] | None = Field(default=None, validation_alias=AliasPath(*POSTGRES_SECTION))
    bigquery: Mapping[str, Any] | None = Field(default=None, validation_alias=AliasPath(*BIGQUERY_SECTION))

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing but the file."""
        return (TomlConfigSettingsSource(settings_cls, _path()),)


def read_secrets_file() -> SecretsFile:
    """Read the file of the working directory, or of `DLT_PROJECT_DIR`, like dlt. A missing file is empty.

    Raises:
        SettingError: the file is not valid TOML, or a section has the wrong type.
    """
    try:
        return SecretsFile()
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{_path()} is not valid TOML ({error}). Correct it or remove it.") from None
    except ValidationError as error:
        sections = " and ".join(sorted({".".join(map(str, e["loc"][:3])) for e in error.errors()}))
        raise SettingError(f"{_path()}: {sections} must be a table of credentials.") from None


def _path() -> Path:
    return Path(os.environ.get("DLT_PROJECT_DIR", ".")) / ".dlt" / "secrets.toml"
