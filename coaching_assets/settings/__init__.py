"""Every setting of the project, typed."""

from coaching_assets.errors import SettingError
from coaching_assets.settings.loading import load_settings, usable_settings
from coaching_assets.settings.model import Settings

__all__ = ["SettingError", "Settings", "load_settings", "usable_settings"]
