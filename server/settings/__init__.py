"""The settings of an installation; nothing else reads the environment."""

from server.settings.declarations import DEVELOPMENT, PRODUCTION
from server.settings.installation import (
    DEFAULT_PORT,
    NetworkSettings,
    Settings,
    SmtpSettings,
    read_settings,
    require_development,
)
from server.settings.setting import BadSetting

__all__ = [
    "DEFAULT_PORT",
    "DEVELOPMENT",
    "PRODUCTION",
    "BadSetting",
    "NetworkSettings",
    "Settings",
    "SmtpSettings",
    "read_settings",
    "require_development",
]
