"""What the settings of an installation say, read and checked together."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from gateways.mail import SmtpSecurity
from gateways.objects import S3Settings
from server.settings import declarations as declared
from server.settings.setting import BadSetting, Setting
from services.checkout.unpaid_limits import UnpaidLimits
from services.operations.retention_rules import RetentionPeriods

DEFAULT_PORT = 8000


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
    bucket: S3Settings | None
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
        return self.environment == declared.DEVELOPMENT


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises BadSetting for the first one that is missing or invalid."""
    _check(environment)
    account = declared.SMS_ACCOUNT.find(environment) or ""
    return Settings(
        database_url=declared.DATABASE_URL.read(environment),
        redis_url=declared.REDIS_URL.find(environment) or "",
        keys_file=declared.KEYS_FILE.read(environment),
        files_folder=files_folder(environment),
        bucket=_bucket(environment),
        environment=declared.ENVIRONMENT.read(environment),
        stripe_api_base=declared.STRIPE_API_BASE.find(environment),
        stripe_api_key=declared.STRIPE_API_KEY.read(environment),
        stripe_publishable_key=declared.STRIPE_PUBLISHABLE_KEY.read(environment),
        stripe_webhook_secret=declared.STRIPE_WEBHOOK_SECRET.read(environment),
        sms_api_base=declared.SMS_API_BASE.find(environment),
        sms_account=account,
        sms_token=declared.SMS_TOKEN.read(environment) if account else "",
        sms_from=declared.SMS_FROM.read(environment),
        smtp=_smtp(environment),
        app_url=declared.APP_URL.find(environment) or f"http://127.0.0.1:{DEFAULT_PORT}",
        origins=declared.ORIGINS_OF_BROWSERS.read(environment),
        reference_executor=declared.EXECUTOR.read(environment) == declared.REFERENCE_EXECUTOR,
        drain_seconds=declared.DRAIN_SECONDS.read(environment),
        network=_network(environment),
        budget_per_second=declared.BUDGET_PER_SECOND.read(environment),
        shows_cost=declared.COST_SHOWN.read(environment),
        manifest_file=declared.MANIFEST.find(environment),
        automatic_persisted_queries=declared.APQ.read(environment),
        webhook_allowed=declared.WEBHOOK_ALLOW.read(environment),
        metrics_token=declared.METRICS_TOKEN.read(environment),
        retention=RetentionPeriods(**_values(declared.RETENTION, environment)),
        unpaid_limits=UnpaidLimits(**_values(declared.UNPAID, environment)),
    )


def files_folder(environment: Mapping[str, str]) -> str:
    """The folder of uploaded files: by default beside the keys."""
    beside = Path(declared.KEYS_FILE.read(environment)).parent / "files"
    return declared.FILES_FOLDER.find(environment) or str(beside)


def require_development(environment: Mapping[str, str], what: str) -> None:
    """Raise BadSetting outside development, where nothing of the demo exists."""
    if declared.ENVIRONMENT.read(environment) != declared.DEVELOPMENT:
        raise BadSetting(
            f"DARKSTORE_ENV is not development: {what}, and the demo's passwords are known to"
            " everybody. `python -m server admin create` makes the first super admin."
        )


def _check(environment: Mapping[str, str]) -> None:
    """Raise BadSetting for what can't be used: also a value that nothing reads now is checked."""
    for setting in declared.SETTINGS:
        setting.find(environment)
    if declared.ENVIRONMENT.read(environment) != declared.DEVELOPMENT:
        _require_for_production(environment)
    if declared.APQ.read(environment) and not declared.REDIS_URL.find(environment):
        raise BadSetting("DARKSTORE_APQ is on, which needs REDIS_URL: documents are stored there.")


def _values(settings: Mapping[str, Setting[int]], environment: Mapping[str, str]) -> dict[str, int]:
    return {field: setting.read(environment) for field, setting in settings.items()}


def _require_for_production(environment: Mapping[str, str]) -> None:
    """Raise BadSetting where sign-in codes would be logged, or secrets be sent in plain text."""
    for needed in (declared.SMS_ACCOUNT, declared.SMTP_HOST, declared.APP_URL):
        if not needed.find(environment):
            raise BadSetting(
                f"{needed.name} is not set: production needs it, see docs/settings.md."
            )
    for setting in (
        declared.STRIPE_API_BASE,
        declared.SMS_API_BASE,
        declared.S3_ENDPOINT,
        declared.APP_URL,
    ):
        _require_encryption(setting.name, setting.find(environment) or "")
    for origin in declared.ORIGINS_OF_BROWSERS.read(environment):
        _require_encryption(declared.ORIGINS_OF_BROWSERS.name, origin)
    host = declared.SMTP_HOST.find(environment) or ""
    plain = declared.SMTP_SECURITY.read(environment) is SmtpSecurity.OFF
    if plain and not _is_this_machine(host):
        raise BadSetting(
            f"SMTP_SECURITY is off, and SMTP_HOST is {host[:60]!r}: in production only a mail"
            " server on this machine gets its account and mails in plain text."
        )


def _require_encryption(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
        raise BadSetting(f"{name} holds {url[:60]!r}: in production it begins with https://.")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _smtp(environment: Mapping[str, str]) -> SmtpSettings | None:
    """The mail server; None where mails are only logged, links to sign in among them."""
    host = declared.SMTP_HOST.find(environment)
    if host is None:
        return None
    user = declared.SMTP_USER.read(environment)
    return SmtpSettings(
        host=host,
        port=declared.SMTP_PORT.read(environment),
        user=user,
        password=declared.SMTP_PASSWORD.read(environment) if user else "",
        sender=declared.SMTP_FROM.read(environment),
        security=declared.SMTP_SECURITY.read(environment),
    )


def _bucket(environment: Mapping[str, str]) -> S3Settings | None:
    """The bucket of files that people send; None where they are in the folder of files."""
    bucket = declared.S3_BUCKET.find(environment)
    if bucket is None:
        return None
    return S3Settings(
        bucket=bucket,
        region=declared.S3_REGION.read(environment),
        access_key=declared.S3_ACCESS_KEY.read(environment),
        secret_key=declared.S3_SECRET_KEY.read(environment),
        endpoint=declared.S3_ENDPOINT.find(environment),
    )


def _network(environment: Mapping[str, str]) -> NetworkSettings:
    return NetworkSettings(
        trusted_proxies=declared.TRUSTED_PROXIES.read(environment),
        forwarded_header=declared.FORWARDED_HEADER.read(environment),
        connections_per_address=declared.CONNECTIONS_PER_ADDRESS.read(environment),
    )
