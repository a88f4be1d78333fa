"""The one place that reads the environment; everything else is given arguments."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEVELOPMENT = "development"
DEFAULT_PORT = 8000
DRAIN_SECONDS = 15.0
BUDGET_PER_SECOND = 1_000
BUDGET_MOST = 1_000_000
EVENTS_DAYS = 90
EVENTS_LEAST_DAYS = 7
EVENTS_MOST_DAYS = 400


class BadSetting(ValueError):
    """A setting is missing or can't be right; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that differs from one installation to another."""

    database_url: str
    redis_url: str
    keys_file: str
    files_folder: str
    environment: str
    stripe_api_base: str | None
    stripe_api_key: str
    stripe_publishable_key: str
    stripe_webhook_secret: str
    sms_api_base: str | None
    sms_account: str
    sms_token: str
    sms_from: str
    origins: frozenset[str]
    reference_executor: bool
    drain_seconds: float
    budget_per_second: int
    cost_shown: bool
    manifest_file: str | None
    teachable: bool
    webhook_allowed: frozenset[str]
    metrics_token: str
    events_days: int

    @property
    def development(self) -> bool:
        """In development the explorer and introspection are open."""
        return self.environment == DEVELOPMENT


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`; raises BadSetting naming the first that is missing."""
    where = environment.get("DARKSTORE_ENV", "production")
    # Without an account messages end in the log, sign-in codes among them.
    account = environment.get("SMS_ACCOUNT", "").strip()
    if where != DEVELOPMENT:
        account = _needed(environment, "SMS_ACCOUNT")
    return Settings(
        database_url=_needed(environment, "DATABASE_URL"),
        redis_url=environment.get("REDIS_URL", ""),
        keys_file=(keys_file := _needed(environment, "DARKSTORE_KEYS_FILE")),
        files_folder=environment.get("DARKSTORE_FILES_FOLDER")
        or str(Path(keys_file).parent / "files"),
        environment=where,
        stripe_api_base=environment.get("STRIPE_API_BASE") or None,
        stripe_api_key=_needed(environment, "STRIPE_API_KEY"),
        stripe_publishable_key=environment.get("STRIPE_PUBLISHABLE_KEY", ""),
        stripe_webhook_secret=_needed(environment, "STRIPE_WEBHOOK_SECRET"),
        sms_api_base=environment.get("SMS_API_BASE") or None,
        sms_account=account,
        sms_token=_needed(environment, "SMS_TOKEN") if account else "",
        sms_from=environment.get("SMS_FROM", "+15005550006"),
        origins=frozenset(filter(None, environment.get("DARKSTORE_ORIGINS", "").split(","))),
        reference_executor=environment.get("EXECUTOR") == "reference",
        drain_seconds=_seconds(environment, "DARKSTORE_DRAIN_SECONDS", DRAIN_SECONDS),
        budget_per_second=_whole(environment, "DARKSTORE_BUDGET_PER_SECOND", BUDGET_PER_SECOND),
        manifest_file=environment.get("DARKSTORE_MANIFEST", "").strip() or None,
        teachable=_switch(environment, "DARKSTORE_APQ", False),
        metrics_token=environment.get("DARKSTORE_METRICS_TOKEN", "").strip(),
        webhook_allowed=_doors(environment, "DARKSTORE_WEBHOOK_ALLOW"),
        events_days=_whole(
            environment, "DARKSTORE_EVENTS_DAYS", EVENTS_DAYS, EVENTS_LEAST_DAYS, EVENTS_MOST_DAYS
        ),
        cost_shown=_switch(environment, "DARKSTORE_COST_SHOWN", True),
    )


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise BadSetting(f"{name} is not set: `make run` sets it, or see docs/settings.md.")
    return value


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not 0 <= value <= 300:
        raise BadSetting(f"{name} is {text!r}: it is a number of seconds from 0 to 300.")
    return value


def _whole(
    environment: Mapping[str, str],
    name: str,
    default: int,
    least: int = 0,
    most: int = BUDGET_MOST,
) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    whole = text.isascii() and text.isdigit() and len(text) <= 9
    if not whole or not least <= int(text) <= most:
        none = "" if least else " (none)"
        raise BadSetting(
            f"{name} is {text[:20]!r}: it is a whole number from {least}{none} to {most}."
        )
    return int(text)


def _doors(environment: Mapping[str, str], name: str) -> frozenset[str]:
    """Hosts with ports, such as 127.0.0.1:9000, parted by commas."""
    text = environment.get(name, "")
    doors = frozenset(one.strip().lower() for one in text.split(",") if one.strip())
    for door in doors:
        host, colon, port = door.rpartition(":")
        if not host or not colon or not port.isdigit():
            raise BadSetting(f"{name} holds {door[:60]!r}: write hosts with their ports.")
    return doors


def _switch(environment: Mapping[str, str], name: str, default: bool) -> bool:
    text = environment.get(name, "").strip().lower()
    if text not in {"", "on", "off"}:
        raise BadSetting(f"{name} is {text!r}: it is 'on' or 'off'.")
    return default if not text else text == "on"
