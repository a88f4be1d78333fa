"""Text messages through the Twilio client, against the simulator over a socket."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn

from gateways.sms import LoggingSmsSender, SmsRejected, SmsUnavailable, TwilioSmsSender
from simulators.twilio.app import UNREACHABLE, build

ACCOUNT, TOKEN, SENDER = "AC" + "1" * 32, "secret", "+15005550006"


@pytest.fixture(scope="module")
async def twilio() -> AsyncIterator[str]:
    """The address of a simulator."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(build(ACCOUNT, TOKEN), log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await serving


def create_client(address: str, token: str = TOKEN) -> TwilioSmsSender:
    return TwilioSmsSender(account=ACCOUNT, token=token, sender=SENDER, api_base=address)


async def test_a_text_reaches_the_phone(twilio: str) -> None:
    sms = create_client(twilio)
    await sms.send("+351912345678", "123456 & más")
    await sms.close()
    async with httpx.AsyncClient(base_url=twilio) as control:
        stored = (await control.get("/_control/messages", params={"to": "+351912345678"})).json()
    [message] = stored["messages"]
    assert (message["body"], message["from"]) == ("123456 & más", SENDER)


async def test_an_unreachable_number_is_rejected(twilio: str) -> None:
    sms = create_client(twilio)
    with pytest.raises(SmsRejected) as refused:
        await sms.send(UNREACHABLE, "hello")
    await sms.close()
    assert refused.value.code == 21211


async def test_a_wrong_token_is_unavailable_not_rejected(twilio: str) -> None:
    sms = create_client(twilio, "wrong")
    with pytest.raises(SmsUnavailable):
        await sms.send("+351912345678", "hello")
    await sms.close()


async def test_a_refused_connection_is_unavailable() -> None:
    sms = create_client("http://127.0.0.1:9")
    with pytest.raises(SmsUnavailable):
        await sms.send("+351912345678", "hello")
    await sms.close()


async def test_without_an_account_the_text_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await LoggingSmsSender().send("+351912345678", "123456 is your code")
    assert "123456" in caplog.text
