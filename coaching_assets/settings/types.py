"""How the text of a setting becomes a value, as types for the fields of `Settings`."""

import re
from collections.abc import Mapping
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from coaching_assets.schema_names import LONGEST_SCHEMA


def _possible_dataset(value: str) -> str:
    if re.fullmatch(f"[A-Za-z0-9_]{{1,{LONGEST_SCHEMA}}}", value) is None:
        raise ValueError(
            f"{value[:LONGEST_SCHEMA]!r} cannot name a dataset and a Postgres schema;"
            f" use 1 to {LONGEST_SCHEMA} letters, digits and underscores"
        )
    return value


def _known_timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone; write it like Europe/Berlin") from None
    return value


def _valid_cron(value: str) -> str:
    from croniter import croniter

    if len(value.split()) != 5 or not croniter.is_valid(value):
        raise ValueError(f"{value!r} is not a cron schedule; write five fields, like 30 4 * * *")
    return value


def _split_commas(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _plain_domains(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(domain.lower().lstrip("@") for domain in value)


def _split_objectives(value: object) -> object:
    if not isinstance(value, str):
        return value
    objectives: dict[str, tuple[float, float]] = {}
    for part in filter(None, map(str.strip, value.split(","))):
        found = re.fullmatch(r"(\w+)\s*=\s*([\d.]+)\s*:\s*([\d.]+)", part)
        if found is None:
            raise ValueError(
                f"{part!r} is not an objective; write transcripts=30:60 (minutes to a warning, to an error)"
            )
        objectives[found[1]] = (float(found[2]), float(found[3]))
    return objectives


DatasetName = Annotated[str, AfterValidator(_possible_dataset)]
TimeZone = Annotated[str, AfterValidator(_known_timezone)]
Cron = Annotated[str, AfterValidator(_valid_cron)]
Domains = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas), AfterValidator(_plain_domains)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_commas)]
Objectives = Annotated[Mapping[str, tuple[float, float]], NoDecode, BeforeValidator(_split_objectives)]
"""Minutes to a warning and to an error, by published table."""
