"""The addresses of BigQuery's two APIs: Google's own, those of another universe, custom ones, or an emulator's."""

import os
from dataclasses import dataclass
from typing import Any

from coaching_assets.settings import SettingError, Settings

GOOGLE_UNIVERSE = "googleapis.com"
UNIVERSE_VARIABLE = "GOOGLE_CLOUD_UNIVERSE_DOMAIN"
"""Google's clients read this variable: https://github.com/googleapis/google-cloud-python, `client_options.py`."""


@dataclass(frozen=True)
class Endpoints:
    """The addresses of the two APIs.

    `rest` is a URL, or None for the universe's own address. `storage` is `host` or `host:port`.
    """

    universe: str
    rest: str | None
    storage: str
    encrypted: bool = True


def endpoints_for(settings: Settings, credentials: Any) -> Endpoints:
    """The endpoints that the settings select, for these credentials.

    A universe is a separate Google Cloud with addresses of its own; its credentials name it.

    Raises:
        SettingError: GOOGLE_CLOUD_UNIVERSE_DOMAIN names another universe than the credentials.
    """
    if settings.bigquery_emulator_host is not None:
        address = (settings.bigquery_storage_emulator_host or "").rpartition("://")[2]
        return Endpoints(GOOGLE_UNIVERSE, _url(settings.bigquery_emulator_host, "http"), address, encrypted=False)
    own = getattr(credentials, "universe_domain", None) or GOOGLE_UNIVERSE
    universe = os.environ.get(UNIVERSE_VARIABLE) or own
    if universe != own:
        raise SettingError(
            f"{UNIVERSE_VARIABLE} is {universe}, but the credentials belong to {own}. "
            f"Use credentials of {universe}, or unset the variable."
        )
    rest, storage = settings.bigquery_api_endpoint, settings.bigquery_storage_api_endpoint
    return Endpoints(
        universe,
        _url(rest, "https") if rest else None,
        storage.rpartition("://")[2].rstrip("/") if storage else f"bigquerystorage.{universe}",
    )


def _url(address: str, scheme: str) -> str:
    return address if "://" in address else f"{scheme}://{address}"
