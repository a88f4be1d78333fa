"""Text messages through the Twilio client, against the simulator over a socket."""

from collections.abc import AsyncIterator
from secrets import randbelow

import pytest

from gateways.sms import LoggingSmsSender, SmsRejected, SmsUnavailable, TwilioSmsSender
from simulators.twilio.app import UNREACHABLE
from tests.support.server.message_simulators import NUMBER, TextSimulator, text_simulator


@pytest.fixture(scope="module")
async def twilio() -> AsyncIterator[TextSimulator]:
    async with text_simulator() as simulator:
        yield simulator


@pytest.fixture
async def sms(twilio: TextSimulator) -> AsyncIterator[TwilioSmsSender]:
    gateway = twilio.gateway()
    yield gateway
    await gateway.close()


def new_phone() -> str:
    return f"+35191{randbelow(10**7):07}"


async def test_a_text_reaches_the_phone(twilio: TextSimulator, sms: TwilioSmsSender) -> None:
    phone = new_phone()
    await sms.send(phone, "123456 & más")
    [message] = await twilio.messages(phone)
    assert (message["body"], message["from"]) == ("123456 & más", NUMBER)


async def test_an_unreachable_number_is_rejected(sms: TwilioSmsSender) -> None:
    with pytest.raises(SmsRejected) as refused:
        await sms.send(UNREACHABLE, "hello")
    assert refused.value.code == 21211


@pytest.mark.parametrize(
    "wrong", [{"token": "wrong"}, {"account": "AC" + "2" * 32}], ids=["token", "account"]
)
async def test_wrong_settings_are_unavailable_not_rejected(
    twilio: TextSimulator, wrong: dict[str, str]
) -> None:
    """With another account's id every message of the hour was given up as FAILED."""
    sms = twilio.gateway(**wrong)
    with pytest.raises(SmsUnavailable):
        await sms.send(new_phone(), "hello")
    await sms.close()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_temporary_error_is_unavailable(
    twilio: TextSimulator, sms: TwilioSmsSender, status: int
) -> None:
    await twilio.fail(status=status)
    phone = new_phone()
    with pytest.raises(SmsUnavailable):
        await sms.send(phone, "hello")
    assert await twilio.messages(phone) == []
    await sms.send(phone, "hello")
    assert len(await twilio.messages(phone)) == 1


async def test_a_lost_answer_leaves_open_whether_the_text_was_accepted(
    twilio: TextSimulator, sms: TwilioSmsSender
) -> None:
    await twilio.fail(status=504, accepted=True)
    phone = new_phone()
    with pytest.raises(SmsUnavailable):
        await sms.send(phone, "hello")
    assert len(await twilio.messages(phone)) == 1


async def test_a_refused_connection_is_unavailable() -> None:
    sms = TextSimulator("http://127.0.0.1:9").gateway()
    with pytest.raises(SmsUnavailable):
        await sms.send("+351912345678", "hello")
    await sms.close()


async def test_without_an_account_the_text_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await LoggingSmsSender().send("+351912345678", "123456 is your code")
    assert "123456" in caplog.text
