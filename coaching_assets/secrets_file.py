"""`.dlt/secrets.toml`, where dlt's users expect credentials."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coaching_assets.errors import CoachingError

POSTGRES_SECTION = "destination.postgres.credentials"
BIGQUERY_SECTION = "sources.bigquery.credentials"


class SettingError(CoachingError):
    """A setting is missing or wrong; the message names it and says what to do."""


@dataclass(frozen=True)
class SecretsFile:
    """What `.dlt/secrets.toml` says about the two servers; empty where there is no such file."""

    path: Path
    postgres: str | Mapping[str, Any] | None = None
    bigquery: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, folder: Path) -> "SecretsFile":
        """Read `folder/.dlt/secrets.toml`.

        Raises:
            SettingError: the file is no TOML.
        """
        path = folder / ".dlt" / "secrets.toml"
        if not path.is_file():
            return cls(path)
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise SettingError(f"{path} is not valid TOML ({error}). Mend it or remove it.") from error
        return cls(path, _section(content, POSTGRES_SECTION), _section(content, BIGQUERY_SECTION))


def _section(content: Mapping[str, Any], dotted: str) -> Any:
    value: Any = content
    for part in dotted.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
