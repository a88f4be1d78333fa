"""Every setting, declared once. docs/settings.md says what each is for."""

from typing import Any

from gateways.mail import SmtpSecurity
from server.settings.setting import Setting
from server.settings.value_kinds import (
    BUCKET_NAME,
    DATABASE_ADDRESS,
    HOST,
    HOSTS_WITH_PORTS,
    MAIL_SENDER,
    NETWORKS,
    ORIGINS,
    PATH,
    PLAIN_TEXT,
    REDIS_ADDRESS,
    SMS_SENDER,
    SWITCH,
    TEXT,
    WEB_ADDRESS,
    seconds,
    secret,
    whole_number,
    word,
)
from server.transport.client_address import FORWARDED_HEADERS, THIS_MACHINE, X_FORWARDED_FOR
from server.transport.limits import MAX_CONNECTIONS_PER_ADDRESS
from services.checkout.unpaid_limits import DEFAULT_LIMITS
from services.operations.retention_rules import (
    AUDIT_DAYS,
    AUDIT_PERSONAL_DAYS,
    DOOR_DAYS,
    GUEST_DAYS,
    RECIPIENT_DAYS,
)

DEVELOPMENT = "development"
PRODUCTION = "production"
REFERENCE_EXECUTOR = "reference"
PLAN_EXECUTOR = "plans"
EVENT_DAYS = 90

DATABASE_URL = Setting("DATABASE_URL", DATABASE_ADDRESS, secret=True)
REDIS_URL = Setting("REDIS_URL", REDIS_ADDRESS, secret=True)
ENVIRONMENT = Setting(
    "DARKSTORE_ENV", word({one: one for one in (DEVELOPMENT, PRODUCTION)}), PRODUCTION
)
KEYS_FILE = Setting("DARKSTORE_KEYS_FILE", PATH)
FILES_FOLDER = Setting("DARKSTORE_FILES_FOLDER", PATH)
ORIGINS_OF_BROWSERS = Setting("DARKSTORE_ORIGINS", ORIGINS, frozenset())
DRAIN_SECONDS = Setting("DARKSTORE_DRAIN_SECONDS", seconds(300), 15.0)
TRUSTED_PROXIES = Setting("DARKSTORE_TRUSTED_PROXIES", NETWORKS, THIS_MACHINE)
FORWARDED_HEADER = Setting(
    "DARKSTORE_FORWARDED_HEADER", word({one: one for one in FORWARDED_HEADERS}), X_FORWARDED_FOR
)
CONNECTIONS_PER_ADDRESS = Setting(
    "DARKSTORE_CONNECTIONS_PER_ADDRESS", whole_number(1, 100_000), MAX_CONNECTIONS_PER_ADDRESS
)
BUDGET_PER_SECOND = Setting("DARKSTORE_BUDGET_PER_SECOND", whole_number(0, 1_000_000), 1_000)
COST_SHOWN = Setting("DARKSTORE_COST_SHOWN", SWITCH, True)
MANIFEST = Setting("DARKSTORE_MANIFEST", PATH)
APQ = Setting("DARKSTORE_APQ", SWITCH, False)
METRICS_TOKEN = Setting("DARKSTORE_METRICS_TOKEN", PLAIN_TEXT, "", secret=True)
WEBHOOK_ALLOW = Setting("DARKSTORE_WEBHOOK_ALLOW", HOSTS_WITH_PORTS, frozenset())

RETENTION = {
    "event_days": Setting("DARKSTORE_EVENTS_DAYS", whole_number(7, 400), EVENT_DAYS),
    "audit_days": Setting("DARKSTORE_AUDIT_DAYS", whole_number(30, 3_650), AUDIT_DAYS),
    "audit_personal_days": Setting(
        "DARKSTORE_AUDIT_PERSONAL_DAYS", whole_number(7, 3_650), AUDIT_PERSONAL_DAYS
    ),
    "guest_days": Setting("DARKSTORE_GUEST_DAYS", whole_number(7, 400), GUEST_DAYS),
    "recipient_days": Setting("DARKSTORE_RECIPIENT_DAYS", whole_number(30, 3_650), RECIPIENT_DAYS),
    "door_days": Setting("DARKSTORE_DOOR_DAYS", whole_number(7, 400), DOOR_DAYS),
}
"""The setting of each period of `RetentionPeriods`."""


def _unpaid(name: str, field: str, minimum: int, maximum: int) -> Setting[int]:
    return Setting(name, whole_number(minimum, maximum), getattr(DEFAULT_LIMITS, field))


UNPAID = {
    field: _unpaid(name, field, minimum, maximum)
    for field, name, minimum, maximum in (
        ("orders_per_customer", "DARKSTORE_UNPAID_ORDERS", 1, 1_000),
        ("orders_per_network", "DARKSTORE_UNPAID_ORDERS_NETWORK", 1, 100_000),
        ("share_percent", "DARKSTORE_UNPAID_SHARE", 1, 100),
        ("free_units", "DARKSTORE_UNPAID_UNITS", 1, 100_000),
        ("free_units_per_network", "DARKSTORE_UNPAID_UNITS_NETWORK", 1, 100_000),
        ("guest_payment_seconds", "DARKSTORE_GUEST_PAYMENT_SECONDS", 60, 480),
    )
}
"""The setting of each limit of `UnpaidLimits`."""

STRIPE_API_KEY = Setting("STRIPE_API_KEY", secret("sk_", "rk_"), secret=True)
STRIPE_WEBHOOK_SECRET = Setting("STRIPE_WEBHOOK_SECRET", secret("whsec_"), secret=True)
STRIPE_PUBLISHABLE_KEY = Setting("STRIPE_PUBLISHABLE_KEY", secret("pk_"), "", secret=True)
STRIPE_API_BASE = Setting("STRIPE_API_BASE", WEB_ADDRESS)
SMS_ACCOUNT = Setting("SMS_ACCOUNT", PLAIN_TEXT, "")
SMS_TOKEN = Setting("SMS_TOKEN", PLAIN_TEXT, secret=True)
SMS_FROM = Setting("SMS_FROM", SMS_SENDER, "+15005550006")
SMS_API_BASE = Setting("SMS_API_BASE", WEB_ADDRESS)
SMTP_HOST = Setting("SMTP_HOST", HOST)
SMTP_PORT = Setting("SMTP_PORT", whole_number(1, 65_535), 587)
SMTP_USER = Setting("SMTP_USER", TEXT, "")
SMTP_PASSWORD = Setting("SMTP_PASSWORD", TEXT, secret=True)
SMTP_FROM = Setting("SMTP_FROM", MAIL_SENDER)
SMTP_SECURITY = Setting(
    "SMTP_SECURITY", word({one.value: one for one in SmtpSecurity}), SmtpSecurity.STARTTLS
)
S3_BUCKET = Setting("S3_BUCKET", BUCKET_NAME)
S3_REGION = Setting("S3_REGION", PLAIN_TEXT, "us-east-1")
S3_ACCESS_KEY = Setting("S3_ACCESS_KEY", PLAIN_TEXT, secret=True)
S3_SECRET_KEY = Setting("S3_SECRET_KEY", PLAIN_TEXT, secret=True)
S3_ENDPOINT = Setting("S3_ENDPOINT", WEB_ADDRESS)
APP_URL = Setting("DARKSTORE_APP_URL", WEB_ADDRESS)
EXECUTOR = Setting(
    "EXECUTOR",
    word({one: one for one in (PLAN_EXECUTOR, REFERENCE_EXECUTOR)}),
    PLAN_EXECUTOR,
)

SETTINGS: tuple[Setting[Any], ...] = (
    DATABASE_URL, REDIS_URL, ENVIRONMENT, KEYS_FILE, FILES_FOLDER, ORIGINS_OF_BROWSERS,
    DRAIN_SECONDS, TRUSTED_PROXIES, FORWARDED_HEADER, CONNECTIONS_PER_ADDRESS, BUDGET_PER_SECOND,
    COST_SHOWN, MANIFEST, APQ, *RETENTION.values(), *UNPAID.values(), METRICS_TOKEN, WEBHOOK_ALLOW,
    STRIPE_API_KEY, STRIPE_WEBHOOK_SECRET, STRIPE_PUBLISHABLE_KEY, STRIPE_API_BASE, SMS_ACCOUNT,
    SMS_TOKEN, SMS_FROM, SMS_API_BASE, SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASSWORD, SMTP_FROM,
    SMTP_SECURITY, S3_BUCKET, S3_REGION, S3_ACCESS_KEY, S3_SECRET_KEY, S3_ENDPOINT, APP_URL,
    EXECUTOR,
)  # fmt: skip
"""All of them, in the order of the documentation."""
OTHER_NAMES = (
    "DARKSTORE_ADMIN_PASSWORD", "DARKSTORE_URL", "DARKSTORE_EMAIL", "DARKSTORE_PASSWORD",
    "DARKSTORE_FUZZ_COUNT", "DARKSTORE_FUZZ_SEED", "DARKSTORE_WALK", "DARKSTORE_TEST_DATABASE_URL",
    "DARKSTORE_TEST_REDIS_URL",
)  # fmt: skip
"""Names of our prefix that no server reads, but commands, client programs or tests do."""
