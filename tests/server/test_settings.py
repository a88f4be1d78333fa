"""Which settings a process refuses to start with, and where they are told of."""

import re

import pytest

from gateways.sms import LoggedSms, TwilioSms
from server.container import open_sms
from server.settings import BadSetting, settings_of
from tests.support.paths import ROOT

GIVEN = {
    "DATABASE_URL": "postgresql+asyncpg://localhost/darkstore",
    "DARKSTORE_KEYS_FILE": "keys.json",
    "STRIPE_API_KEY": "sk_test_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
}
DEVELOPMENT = {**GIVEN, "DARKSTORE_ENV": "development"}
ACCOUNT = {"SMS_ACCOUNT": "AC1", "SMS_TOKEN": "secret"}


@pytest.mark.parametrize("name", GIVEN)
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(BadSetting, match=name):
        settings_of({**DEVELOPMENT, name: " "})


async def test_in_development_messages_may_end_in_the_log() -> None:
    assert isinstance(open_sms(settings_of(DEVELOPMENT)), LoggedSms)


@pytest.mark.parametrize("where", [{}, {"DARKSTORE_ENV": "production"}, {"DARKSTORE_ENV": "dev"}])
async def test_elsewhere_sign_in_codes_never_end_in_the_log(where: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match="SMS_ACCOUNT"):
        settings_of({**GIVEN, **where})
    sms = open_sms(settings_of({**GIVEN, **where, **ACCOUNT}))
    assert isinstance(sms, TwilioSms)
    await sms.close()


@pytest.mark.parametrize("environment", [GIVEN, DEVELOPMENT])
def test_an_sms_account_needs_its_token(environment: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match="SMS_TOKEN"):
        settings_of({**environment, "SMS_ACCOUNT": "AC1"})


@pytest.mark.parametrize("text", ["-1", "301", "soon", "nan"])
def test_a_drain_of_no_believable_length_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match="DARKSTORE_DRAIN_SECONDS"):
        settings_of({**DEVELOPMENT, "DARKSTORE_DRAIN_SECONDS": text})


@pytest.mark.parametrize("text", ["-1", "1.5", "many", "9" * 5_000, "٣", "1000001"])
def test_a_budget_that_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match="DARKSTORE_BUDGET_PER_SECOND"):
        settings_of({**DEVELOPMENT, "DARKSTORE_BUDGET_PER_SECOND": text})


@pytest.mark.parametrize("text", ["0", "6", "401", "all"])
def test_events_are_kept_for_a_week_at_least(text: str) -> None:
    with pytest.raises(BadSetting, match=r"DARKSTORE_EVENTS_DAYS .* 7 to 400"):
        settings_of({**DEVELOPMENT, "DARKSTORE_EVENTS_DAYS": text})


def test_budgets_can_be_set_and_costs_hidden() -> None:
    usual = settings_of(DEVELOPMENT)
    assert (usual.budget_per_second, usual.cost_shown) == (1_000, True)
    chosen = {"DARKSTORE_BUDGET_PER_SECOND": "0", "DARKSTORE_COST_SHOWN": "off"}
    without = settings_of({**DEVELOPMENT, **chosen})
    assert (without.budget_per_second, without.cost_shown) == (0, False)
    with pytest.raises(BadSetting, match="DARKSTORE_COST_SHOWN"):
        settings_of({**DEVELOPMENT, "DARKSTORE_COST_SHOWN": "maybe"})


def test_every_setting_is_told_of_and_nothing_else() -> None:
    root = ROOT
    read = set(re.findall(r'"([A-Z][A-Z_]{4,})"', (root / "server" / "settings.py").read_text()))
    told = re.findall(
        r"^\| `([A-Z_]+)` \|", (root / "docs" / "settings.md").read_text(), re.MULTILINE
    )
    assert sorted(read) == sorted(told)
    assert "docs/settings.md" in (root / "README.md").read_text()
