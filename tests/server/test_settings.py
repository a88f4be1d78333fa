"""What the settings of an installation mean, each by itself and together."""

import pytest

from database.connections import driver_address, engine_address
from gateways.sms import LoggingSmsSender, TwilioSmsSender
from server.container import build_sms
from server.settings import BadSetting, read_settings

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


@pytest.mark.parametrize("where", [{}, {"DARKSTORE_ENV": "production"}])
async def test_other_environments_never_log_sign_in_codes(where: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match="SMS_ACCOUNT"):
        read_settings({**REQUIRED, **where})
    sms = build_sms(read_settings({**REQUIRED, **where, **SMS_ACCOUNT}))
    assert isinstance(sms, TwilioSmsSender)
    await sms.close()


@pytest.mark.parametrize("environment", ["development", "production"])
def test_an_sms_account_needs_its_token(environment: str) -> None:
    with pytest.raises(BadSetting, match="SMS_TOKEN"):
        read_settings({**REQUIRED, **SMS_ACCOUNT, "DARKSTORE_ENV": environment, "SMS_TOKEN": ""})


def test_budgets_can_be_set_and_costs_hidden() -> None:
    defaults = read_settings(DEVELOPMENT)
    assert (defaults.budget_per_second, defaults.shows_cost) == (1_000, True)
    chosen = {"DARKSTORE_BUDGET_PER_SECOND": "0", "DARKSTORE_COST_SHOWN": "off"}
    unlimited = read_settings({**DEVELOPMENT, **chosen})
    assert (unlimited.budget_per_second, unlimited.shows_cost) == (0, False)


def test_the_proxies_of_this_machine_are_trusted_unless_others_are_named() -> None:
    proxies = {
        text: read_settings({**DEVELOPMENT, "DARKSTORE_TRUSTED_PROXIES": text}).network
        for text in ("", "none", "10.0.0.0/8, 2001:db8::1")
    }
    assert [network.trusted_proxies for network in proxies.values()] == [
        ("127.0.0.0/8", "::1/128"), (), ("10.0.0.0/8", "2001:db8::1"),
    ]  # fmt: skip
    assert {network.forwarded_header for network in proxies.values()} == {"x-forwarded-for"}


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"DARKSTORE_APQ": "on"}, "DARKSTORE_APQ is on, which needs REDIS_URL"),
        ({"SMTP_HOST": "mail.example.org"}, "SMTP_FROM is not set"),
        ({**MAIL_SERVER, "SMTP_USER": "shop"}, "SMTP_PASSWORD is not set"),
    ],
)
def test_settings_that_need_one_another(own: dict[str, str], message: str) -> None:
    """APQ without Valkey was accepted, and then did nothing."""
    with pytest.raises(BadSetting, match=message):
        read_settings({**DEVELOPMENT, **own})


@pytest.mark.parametrize("name", ["SMS_ACCOUNT", "SMTP_HOST", "DARKSTORE_APP_URL"])
def test_production_needs_what_development_writes_to_the_log(name: str) -> None:
    with pytest.raises(BadSetting, match=f"{name} is not set"):
        read_settings({**REQUIRED, **SMS_ACCOUNT, name: ""})


@pytest.mark.parametrize(
    "name", ["STRIPE_API_BASE", "SMS_API_BASE", "DARKSTORE_APP_URL", "DARKSTORE_ORIGINS"]
)
def test_production_sends_no_secret_in_plain_text(name: str) -> None:
    """Keys of providers and links to sign in were sent to http addresses of other machines."""
    plain = {name: "http://other.example.org"}
    with pytest.raises(BadSetting, match=name):
        read_settings({**REQUIRED, **SMS_ACCOUNT, **plain})
    read_settings({**DEVELOPMENT, **plain})
    read_settings({**REQUIRED, **SMS_ACCOUNT, name: "http://127.0.0.1:9000"})


@pytest.mark.parametrize("host", ["mail.example.org", "10.0.0.5", "localhost.example.org"])
def test_production_sends_no_mail_in_plain_text_to_another_machine(host: str) -> None:
    """The account's password and links to sign in were sent unencrypted to any mail server."""
    production = {**REQUIRED, **SMS_ACCOUNT, "SMTP_USER": "shop", "SMTP_PASSWORD": "hunter2"}
    plain = {"SMTP_HOST": host, "SMTP_SECURITY": "off"}
    with pytest.raises(BadSetting, match="SMTP_SECURITY") as refused:
        read_settings({**production, **plain})
    assert "hunter2" not in str(refused.value)
    read_settings({**production, **plain, "DARKSTORE_ENV": "development"})
    read_settings({**production, "SMTP_HOST": host, "SMTP_SECURITY": "tls"})
    for near in ("127.0.0.1", "::1", "localhost"):
        read_settings({**production, **plain, "SMTP_HOST": near})


def test_origins_have_the_form_that_browsers_send() -> None:
    """An origin after a comma and a space was no origin at all."""
    text = "https://Shop.example.org:443, http://localhost:8000,"
    origins = read_settings({**DEVELOPMENT, "DARKSTORE_ORIGINS": text}).origins
    assert origins == {"https://shop.example.org", "http://localhost:8000"}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shop:p%40ss@db.example.org/darkstore",
        "postgres://shop:p%40ss@db.example.org/darkstore",
        "postgresql+asyncpg://shop:p%40ss@db.example.org/darkstore",
    ],
)
def test_the_address_of_the_database_as_hosting_services_write_it(url: str) -> None:
    """`postgresql://` ended with a traceback about a driver that was not installed."""
    found = read_settings({**DEVELOPMENT, "DATABASE_URL": f"{url}?sslmode=require"}).database_url
    expected = "postgresql+asyncpg://shop:p%40ss@db.example.org/darkstore?sslmode=require"
    assert found == expected
    assert driver_address(found) == expected.replace("+asyncpg", "")
    address, arguments = engine_address(found)
    assert (str(address.query), arguments) == ("immutabledict({})", {"ssl": "require"})
