"""The one place that reads the environment; everything else is given arguments."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateways.mail import SmtpSecurity
from server.transport.client_address import (
    FORWARDED_HEADERS,
    THIS_MACHINE,
    X_FORWARDED_FOR,
    parse_proxies,
)
from server.transport.limits import MAX_CONNECTIONS_PER_ADDRESS
from services.checkout.unpaid_limits import DEFAULT_LIMITS, UnpaidLimits
from services.operations.retention_rules import (
    AUDIT_DAYS,
    AUDIT_PERSONAL_DAYS,
    GUEST_DAYS,
    RetentionPeriods,
)

DEVELOPMENT = "development"
PRODUCTION = "production"
DEFAULT_PORT = 8000
SMTP_PORT = 587
DRAIN_SECONDS = 15.0
BUDGET_PER_SECOND = 1_000
BUDGET_RANGE = (0, 1_000_000)
RETENTION_SETTINGS = {
    "event_days": ("DARKSTORE_EVENTS_DAYS", 90, (7, 400)),
    "audit_days": ("DARKSTORE_AUDIT_DAYS", AUDIT_DAYS, (30, 3_650)),
    "audit_personal_days": ("DARKSTORE_AUDIT_PERSONAL_DAYS", AUDIT_PERSONAL_DAYS, (7, 3_650)),
    "guest_days": ("DARKSTORE_GUEST_DAYS", GUEST_DAYS, (7, 400)),
}
"""For each period of retention its setting, its default and the smallest and largest value."""
UNPAID_SETTINGS = {
    "orders_per_customer": ("DARKSTORE_UNPAID_ORDERS", (1, 1_000)),
    "orders_per_network": ("DARKSTORE_UNPAID_ORDERS_NETWORK", (1, 100_000)),
    "share_percent": ("DARKSTORE_UNPAID_SHARE", (1, 100)),
    "free_units": ("DARKSTORE_UNPAID_UNITS", (1, 100_000)),
    "free_units_per_network": ("DARKSTORE_UNPAID_UNITS_NETWORK", (1, 100_000)),
    "guest_payment_seconds": ("DARKSTORE_GUEST_PAYMENT_SECONDS", (60, 480)),
}


class BadSetting(ValueError):
    """A setting is missing or invalid; the message says which and how to correct it."""


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The mail server, and as whom mails are sent."""

    host: str
    port: int
    user: str
    password: str
    sender: str
    security: SmtpSecurity


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """The proxies in front, the header in which they name the client, and caps of connections."""

    trusted_proxies: tuple[str, ...]
    forwarded_header: str
    connections_per_address: int


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
    smtp: SmtpSettings | None
    app_url: str
    origins: frozenset[str]
    reference_executor: bool
    drain_seconds: float
    network: NetworkSettings
    budget_per_second: int
    shows_cost: bool
    manifest_file: str | None
    automatic_persisted_queries: bool
    webhook_allowed: frozenset[str]
    metrics_token: str
    retention: RetentionPeriods
    unpaid_limits: UnpaidLimits

    @property
    def development(self) -> bool:
        """Whether the explorer and introspection are open."""
        return self.environment == DEVELOPMENT


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises BadSetting for the first one that is missing or invalid."""
    name = environment.get("DARKSTORE_ENV", PRODUCTION)
    # Without an account text messages are only logged, sign-in codes among them.
    account = environment.get("SMS_ACCOUNT", "").strip()
    if name != DEVELOPMENT:
        account = _required(environment, "SMS_ACCOUNT")
    return Settings(
        database_url=_required(environment, "DATABASE_URL"),
        redis_url=environment.get("REDIS_URL", ""),
        keys_file=(keys_file := _required(environment, "DARKSTORE_KEYS_FILE")),
        files_folder=environment.get("DARKSTORE_FILES_FOLDER")
        or str(Path(keys_file).parent / "files"),
        environment=name,
        stripe_api_base=environment.get("STRIPE_API_BASE") or None,
        stripe_api_key=_required(environment, "STRIPE_API_KEY"),
        stripe_publishable_key=environment.get("STRIPE_PUBLISHABLE_KEY", ""),
        stripe_webhook_secret=_required(environment, "STRIPE_WEBHOOK_SECRET"),
        sms_api_base=environment.get("SMS_API_BASE") or None,
        sms_account=account,
        sms_token=_required(environment, "SMS_TOKEN") if account else "",
        sms_from=environment.get("SMS_FROM", "+15005550006"),
        smtp=_smtp(environment, required=name != DEVELOPMENT),
        app_url=_app_url(environment, required=name != DEVELOPMENT),
        origins=frozenset(filter(None, environment.get("DARKSTORE_ORIGINS", "").split(","))),
        reference_executor=environment.get("EXECUTOR") == "reference",
        drain_seconds=_seconds(environment, "DARKSTORE_DRAIN_SECONDS", DRAIN_SECONDS),
        network=_network(environment),
        budget_per_second=_whole_number(
            environment, "DARKSTORE_BUDGET_PER_SECOND", BUDGET_PER_SECOND, BUDGET_RANGE
        ),
        manifest_file=environment.get("DARKSTORE_MANIFEST", "").strip() or None,
        automatic_persisted_queries=_switch(environment, "DARKSTORE_APQ", False),
        metrics_token=environment.get("DARKSTORE_METRICS_TOKEN", "").strip(),
        webhook_allowed=_hosts_with_ports(environment, "DARKSTORE_WEBHOOK_ALLOW"),
        retention=_retention(environment),
        shows_cost=_switch(environment, "DARKSTORE_COST_SHOWN", True),
        unpaid_limits=_unpaid_limits(environment),
    )


def _retention(environment: Mapping[str, str]) -> RetentionPeriods:
    """For how many days rows are kept."""
    days = {
        period: _whole_number(environment, name, default, valid_range)
        for period, (name, default, valid_range) in RETENTION_SETTINGS.items()
    }
    return RetentionPeriods(**days)


def _smtp(environment: Mapping[str, str], *, required: bool) -> SmtpSettings | None:
    """The mail server; None where mails are only logged, links to sign in among them."""
    if not required and not environment.get("SMTP_HOST", "").strip():
        return None
    security = environment.get("SMTP_SECURITY", "").strip().lower() or SmtpSecurity.STARTTLS.value
    if security not in {one.value for one in SmtpSecurity}:
        raise BadSetting(f"SMTP_SECURITY is {security[:20]!r}: it is starttls, tls or off.")
    user = environment.get("SMTP_USER", "").strip()
    return SmtpSettings(
        host=_required(environment, "SMTP_HOST"),
        port=_whole_number(environment, "SMTP_PORT", SMTP_PORT, (1, 65_535)),
        user=user,
        password=_required(environment, "SMTP_PASSWORD") if user else "",
        sender=_required(environment, "SMTP_FROM"),
        security=SmtpSecurity(security),
    )


def _app_url(environment: Mapping[str, str], *, required: bool) -> str:
    """The web address that links in messages begin with."""
    url = environment.get("DARKSTORE_APP_URL", "").strip()
    if required:
        url = _required(environment, "DARKSTORE_APP_URL")
    if url and not url.startswith(("https://", "http://")):
        raise BadSetting(f"DARKSTORE_APP_URL is {url[:60]!r}: it begins with https://.")
    return (url or f"http://127.0.0.1:{DEFAULT_PORT}").rstrip("/")


def _required(environment: Mapping[str, str], name: str) -> str:
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


def _whole_number(
    environment: Mapping[str, str], name: str, default: int, valid_range: tuple[int, int]
) -> int:
    text = environment.get(name, "").strip()
    minimum, maximum = valid_range
    if not text:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= 9
    if not is_number or not minimum <= int(text) <= maximum:
        none = "" if minimum else " (none)"
        raise BadSetting(
            f"{name} is {text[:20]!r}: it is a whole number from {minimum}{none} to {maximum}."
        )
    return int(text)


def _network(environment: Mapping[str, str]) -> NetworkSettings:
    name, valid_range = "DARKSTORE_CONNECTIONS_PER_ADDRESS", (1, 100_000)
    return NetworkSettings(
        trusted_proxies=_trusted_proxies(environment),
        forwarded_header=_forwarded_header(environment),
        connections_per_address=_whole_number(
            environment, name, MAX_CONNECTIONS_PER_ADDRESS, valid_range
        ),
    )


def _trusted_proxies(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Addresses and ranges of proxies, separated by commas; by default those of this machine."""
    name = "DARKSTORE_TRUSTED_PROXIES"
    text = environment.get(name, "").strip()
    if text.lower() == "none":
        return ()
    proxies = tuple(part.strip() for part in text.split(",") if part.strip()) or THIS_MACHINE
    try:
        parse_proxies(proxies)
    except ValueError as error:
        raise BadSetting(
            f"{name} holds an invalid range ({error}): write addresses or ranges such as"
            " 10.0.0.0/8, or 'none'."
        ) from None
    return proxies


def _forwarded_header(environment: Mapping[str, str]) -> str:
    name = "DARKSTORE_FORWARDED_HEADER"
    header = environment.get(name, "").strip().lower() or X_FORWARDED_FOR
    if header not in FORWARDED_HEADERS:
        raise BadSetting(f"{name} is {header[:40]!r}: it is {' or '.join(FORWARDED_HEADERS)}.")
    return header


def _unpaid_limits(environment: Mapping[str, str]) -> UnpaidLimits:
    values = {
        field: _whole_number(environment, name, getattr(DEFAULT_LIMITS, field), valid_range)
        for field, (name, valid_range) in UNPAID_SETTINGS.items()
    }
    return UnpaidLimits(**values)


def _hosts_with_ports(environment: Mapping[str, str], name: str) -> frozenset[str]:
    """Hosts with ports, such as 127.0.0.1:9000, separated by commas."""
    text = environment.get(name, "")
    hosts = frozenset(host.strip().lower() for host in text.split(",") if host.strip())
    for host_and_port in hosts:
        host, colon, port = host_and_port.rpartition(":")
        if not host or not colon or not port.isdigit():
            raise BadSetting(f"{name} holds {host_and_port[:60]!r}: write hosts with their ports.")
    return hosts


def _switch(environment: Mapping[str, str], name: str, default: bool) -> bool:
    text = environment.get(name, "").strip().lower()
    if text not in {"", "on", "off"}:
        raise BadSetting(f"{name} is {text!r}: it is 'on' or 'off'.")
    return default if not text else text == "on"
