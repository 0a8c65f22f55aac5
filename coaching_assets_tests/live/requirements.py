"""What `make test-live` needs, and the sentence that names what is missing."""

from collections.abc import Mapping
from typing import Any

from coaching_assets.bigquery import connect
from coaching_assets.errors import CoachingError
from coaching_assets.settings import load_settings

EMULATOR = ("BIGQUERY_EMULATOR_HOST", "BIGQUERY_STORAGE_EMULATOR_HOST")


def missing_requirement(environment: Mapping[str, str]) -> str | None:
    """The first thing that `make test-live` lacks, as a sentence with the remedy; None if it lacks nothing.

    It asks Google for a token, and nothing else.
    """
    if set_emulators := [name for name in EMULATOR if environment.get(name)]:
        return f"make test-live cannot run: {set_emulators[0]} is set. Unset it, or run make test-all for the emulator."
    try:
        with connect(load_settings()) as bigquery:
            credentials = bigquery.credentials
            with bigquery.translated_errors():
                _refresh(credentials)
    except CoachingError as error:
        return f"make test-live cannot run: {error}"
    return None


def _refresh(credentials: Any) -> None:
    from google.auth.transport.requests import Request

    credentials.refresh(Request())
