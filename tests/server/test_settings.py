"""Which settings a process refuses to start with, and that all are documented."""

import re

import pytest

from gateways.sms import LoggingSmsSender, TwilioSmsSender
from server.container import build_sms
from server.settings import BadSetting, read_settings
from tests.support.paths import ROOT

REQUIRED = {
    "DATABASE_URL": "postgresql+asyncpg://localhost/darkstore",
    "DARKSTORE_KEYS_FILE": "keys.json",
    "STRIPE_API_KEY": "sk_test_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
}
DEVELOPMENT = {**REQUIRED, "DARKSTORE_ENV": "development"}
MAIL_SERVER = {"SMTP_HOST": "mail.example.org", "SMTP_FROM": "shop@example.org"}
SMS_ACCOUNT = {
    **MAIL_SERVER,
    "DARKSTORE_APP_URL": "https://shop.example.org",
    "SMS_ACCOUNT": "AC1",
    "SMS_TOKEN": "secret",
}


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(BadSetting, match=name):
        read_settings({**DEVELOPMENT, name: " "})


async def test_development_may_log_text_messages() -> None:
    assert isinstance(build_sms(read_settings(DEVELOPMENT)), LoggingSmsSender)


@pytest.mark.parametrize("where", [{}, {"DARKSTORE_ENV": "production"}, {"DARKSTORE_ENV": "dev"}])
async def test_other_environments_never_log_sign_in_codes(where: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match="SMS_ACCOUNT"):
        read_settings({**REQUIRED, **where})
    sms = build_sms(read_settings({**REQUIRED, **where, **SMS_ACCOUNT}))
    assert isinstance(sms, TwilioSmsSender)
    await sms.close()


@pytest.mark.parametrize("environment", [REQUIRED, DEVELOPMENT])
def test_an_sms_account_needs_its_token(environment: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match="SMS_TOKEN"):
        read_settings({**environment, "SMS_ACCOUNT": "AC1"})


@pytest.mark.parametrize("text", ["-1", "301", "soon", "nan"])
def test_an_invalid_drain_time_is_rejected(text: str) -> None:
    with pytest.raises(BadSetting, match="DARKSTORE_DRAIN_SECONDS"):
        read_settings({**DEVELOPMENT, "DARKSTORE_DRAIN_SECONDS": text})


@pytest.mark.parametrize("text", ["-1", "1.5", "many", "9" * 5_000, "٣", "1000001"])
def test_a_budget_that_is_no_whole_number_is_rejected(text: str) -> None:
    with pytest.raises(BadSetting, match="DARKSTORE_BUDGET_PER_SECOND"):
        read_settings({**DEVELOPMENT, "DARKSTORE_BUDGET_PER_SECOND": text})


@pytest.mark.parametrize("text", ["0", "6", "401", "all"])
def test_events_are_kept_for_a_week_at_least(text: str) -> None:
    with pytest.raises(BadSetting, match=r"DARKSTORE_EVENTS_DAYS .* 7 to 400"):
        read_settings({**DEVELOPMENT, "DARKSTORE_EVENTS_DAYS": text})


def test_budgets_can_be_set_and_costs_hidden() -> None:
    defaults = read_settings(DEVELOPMENT)
    assert (defaults.budget_per_second, defaults.shows_cost) == (1_000, True)
    chosen = {"DARKSTORE_BUDGET_PER_SECOND": "0", "DARKSTORE_COST_SHOWN": "off"}
    unlimited = read_settings({**DEVELOPMENT, **chosen})
    assert (unlimited.budget_per_second, unlimited.shows_cost) == (0, False)
    with pytest.raises(BadSetting, match="DARKSTORE_COST_SHOWN"):
        read_settings({**DEVELOPMENT, "DARKSTORE_COST_SHOWN": "maybe"})


def test_every_setting_is_documented_and_nothing_else() -> None:
    root = ROOT
    read = set(re.findall(r'"([A-Z][A-Z_]{4,})"', (root / "server" / "settings.py").read_text()))
    documented = re.findall(
        r"^\| `([A-Z_]+)` \|", (root / "docs" / "settings.md").read_text(), re.MULTILINE
    )
    assert sorted(read) == sorted(documented)
    assert "docs/settings.md" in (root / "README.md").read_text()


@pytest.mark.parametrize(
    "text", ["10.0.0.0/33", "proxy.example.org", "10.0.0.1/8", "*", "none,::1"]
)
def test_a_trusted_proxy_is_an_address_or_a_range(text: str) -> None:
    with pytest.raises(BadSetting, match="DARKSTORE_TRUSTED_PROXIES"):
        read_settings({**DEVELOPMENT, "DARKSTORE_TRUSTED_PROXIES": text})


def test_the_proxies_of_this_machine_are_trusted_unless_others_are_named() -> None:
    proxies = {
        text: read_settings({**DEVELOPMENT, "DARKSTORE_TRUSTED_PROXIES": text}).network
        for text in ("", "none", "10.0.0.0/8, 2001:db8::1")
    }
    assert [network.trusted_proxies for network in proxies.values()] == [
        ("127.0.0.0/8", "::1/128"), (), ("10.0.0.0/8", "2001:db8::1"),
    ]  # fmt: skip
    assert {network.forwarded_header for network in proxies.values()} == {"x-forwarded-for"}


def test_only_a_known_header_names_the_client() -> None:
    with pytest.raises(BadSetting, match="DARKSTORE_FORWARDED_HEADER"):
        read_settings({**DEVELOPMENT, "DARKSTORE_FORWARDED_HEADER": "x-real-ip"})


@pytest.mark.parametrize("text", ["0", "100001", "all"])
def test_the_cap_of_connections_is_a_whole_number(text: str) -> None:
    with pytest.raises(BadSetting, match="DARKSTORE_CONNECTIONS_PER_ADDRESS"):
        read_settings({**DEVELOPMENT, "DARKSTORE_CONNECTIONS_PER_ADDRESS": text})
