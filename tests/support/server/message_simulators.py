"""The simulators of the mail server and of the text message provider, on free ports."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from gateways.mail import SmtpMailSender, SmtpSecurity
from gateways.sms import TwilioSmsSender
from simulators.smtp.app import build as build_smtp
from simulators.twilio.app import build as build_twilio

ACCOUNT, TOKEN, NUMBER = "AC" + "1" * 32, "secret", "+15005550006"
USER, PASSWORD = "darkstore", "a secret"
SENDER = "Darkstore <shop@example.org>"


class Control:
    """Reads what a simulator has accepted, and scripts its faults."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def messages(self, to: str) -> list[dict[str, Any]]:
        """The accepted messages to a recipient, the newest first."""
        async with httpx.AsyncClient(base_url=self.address) as control:
            answer = await control.get("/_control/messages", params={"to": to})
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages

    async def fail(self, **fault: Any) -> None:
        """Script a fault of the next request."""
        async with httpx.AsyncClient(base_url=self.address) as control:
            (await control.post("/_control/faults", json=fault)).raise_for_status()


class MailSimulator(Control):
    """The mail server on a port of its own."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__(address)
        self.port = port

    def gateway(self, password: str = PASSWORD, port: int | None = None) -> SmtpMailSender:
        return SmtpMailSender(
            host="127.0.0.1",
            port=port or self.port,
            sender=SENDER,
            user=USER,
            password=password,
            security=SmtpSecurity.OFF,
        )


class TextSimulator(Control):
    """The text message provider."""

    def gateway(self, token: str = TOKEN, account: str = ACCOUNT) -> TwilioSmsSender:
        return TwilioSmsSender(account=account, token=token, sender=NUMBER, api_base=self.address)


@asynccontextmanager
async def mail_simulator() -> AsyncIterator[MailSimulator]:
    port = _free_port()
    async with _serve(build_smtp(port, USER, PASSWORD)) as address:
        yield MailSimulator(address, port)


@asynccontextmanager
async def text_simulator() -> AsyncIterator[TextSimulator]:
    async with _serve(build_twilio(ACCOUNT, TOKEN)) as address:
        yield TextSimulator(address)


@asynccontextmanager
async def _serve(app: Starlette) -> AsyncIterator[str]:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
