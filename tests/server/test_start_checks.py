"""What a process tells at its start of gateways that it will need later."""

import socket

import pytest

from server.settings.declarations import SMS_API_BASE, SMTP_HOST, STRIPE_API_BASE
from server.settings.setting import Setting
from server.start_checks import check_settings

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
