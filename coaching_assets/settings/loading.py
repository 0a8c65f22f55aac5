"""Reads the settings, with a sentence for each one that cannot be used."""

from typing import Any

from pydantic import ValidationError

from coaching_assets.errors import SettingError
from coaching_assets.settings.model import Settings

SCHEMA_SETTINGS = ("replica_schema_prefix", "gong_dataset", "salesforce_dataset", "coaching_schema")
"""Settings that name schemas, which must differ."""


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
