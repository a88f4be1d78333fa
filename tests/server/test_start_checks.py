"""What a process tells at its start of gateways that it will need later."""

import re
import socket
from pathlib import Path

import pytest

from server.settings.declarations import (
    OTHER_NAMES,
    SETTINGS,
    SMS_API_BASE,
    SMTP_HOST,
    STRIPE_API_BASE,
)
from server.settings.setting import Setting
from server.start_checks import check_settings, undeclared_settings
from tests.support.paths import ROOT

READS = (SMTP_HOST, SMS_API_BASE, STRIPE_API_BASE)


def environment(setting: Setting[str], port: int) -> dict[str, str]:
    if setting is SMTP_HOST:
        return {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port)}
    return {setting.name: f"http://127.0.0.1:{port}"}


@pytest.mark.parametrize("setting", READS, ids=lambda setting: setting.name)
def test_a_gateway_that_is_away_is_named_at_once(setting: Setting[str]) -> None:
    """A wrong address was known when the first code or mail could not be sent."""
    [warning] = check_settings(READS, environment(setting, 1))
    expected = f"{setting.name}: 127.0.0.1:1 can't be reached (Connection refused): what is to be"
    assert warning.startswith(expected)


@pytest.mark.parametrize("setting", READS, ids=lambda setting: setting.name)
def test_a_gateway_that_answers_is_not(setting: Setting[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert check_settings(READS, environment(setting, port)) == []
    assert check_settings(READS, {}) == []


def test_a_name_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    [warning] = check_settings(READS, {"SMTP_HOST": "mial.example.org"})
    assert "mial.example.org:587 can't be reached (Name or service not known)" in warning


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DARKSTORE_BUDGET_PERSECOND", "is ignored: is DARKSTORE_BUDGET_PER_SECOND meant?"),
        ("DARKSTORE_COLOUR_OF_SHELVES", "is ignored; docs/settings.md lists all settings."),
    ],
)
def test_a_setting_that_nothing_reads_is_told(name: str, expected: str) -> None:
    """A misspelt setting was ignored without a word, and the default was in force."""
    [warning] = undeclared_settings({name: "5", "PATH": "/bin", "DARKSTORE_ENV": "production"})
    assert warning == f"{name} is not a setting and {expected}"


@pytest.mark.parametrize(
    "name", ["DARKSTORE_SERVICE_HOST", "DARKSTORE_PORT", "DARKSTORE_PORT_80_TCP_ADDR"]
)
def test_addresses_that_kubernetes_sets_are_no_settings_of_ours(name: str) -> None:
    assert undeclared_settings({name: "10.0.0.1"}) == []


def test_every_name_with_the_prefix_in_the_code_is_declared() -> None:
    """What a program of ours reads is never called unknown."""
    files = [ROOT / "Makefile", *(ROOT / "docs").glob("*.md")]
    for folder in ("attack", "benchmarks", "local", "seed", "server", "simulators", "tests"):
        files += (ROOT / folder).rglob("*.py")
    names = {
        name
        for file in files
        if file != Path(__file__)
        for name in re.findall(r"\bDARKSTORE_[A-Z_]+[A-Z]\b", file.read_text())
    }
    declared = {setting.name for setting in SETTINGS} | {*OTHER_NAMES}
    assert names - declared == set()
    assert undeclared_settings(dict.fromkeys(declared, "1")) == []
