"""Mails and text messages while their providers fail at each step of the conversation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from gateways import mail, sms
from gateways.sms import TwilioSmsSender
from models.messages import MessageStatus, OutgoingMessage
from resolvers.context import Container
from tests.support.faults.faulty_link import BEFORE_ARRIVAL, CONNECT, FaultyLink, open_link
from tests.support.faults.protocol_steps import http_step, smtp_step
from tests.support.server.message_simulators import (
    ACCOUNT,
    NUMBER,
    TOKEN,
    Control,
    mail_simulator,
    text_simulator,
)
from tests.support.server.outbox import Outbox, new_recipient
from workflows.messages import MessageSender

WAIT_SECONDS = 0.3
MAX_TRIES = 50
STEPS = {
    "mail": {CONNECT, "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "the mail", "QUIT"},
    "sms": {CONNECT, "POST /2010-04-01/Accounts/*/Messages.json"},
}
# From the answer to this step on the message counts as sent.
HAND_OVER = {"mail": "the mail", "sms": "POST /2010-04-01/Accounts/*/Messages.json"}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", WAIT_SECONDS)
    monkeypatch.setattr(sms, "READ_TIMEOUT_SECONDS", WAIT_SECONDS)
    monkeypatch.setattr(sms, "CONNECT_TIMEOUT_SECONDS", WAIT_SECONDS)


@asynccontextmanager
async def linked_outbox(
    container: Container, channel: str
) -> AsyncIterator[tuple[Outbox, FaultyLink, Control]]:
    """An outbox that reaches the simulator of a channel over a link."""
    async with mail_simulator() as smtp, text_simulator() as twilio:
        is_mail = channel == "mail"
        port = smtp.port if is_mail else urlsplit(twilio.address).port
        assert port is not None
        async with open_link(port, smtp_step if is_mail else http_step) as link:
            texts = TwilioSmsSender(account=ACCOUNT, token=TOKEN, sender=NUMBER, api_base=link.url)
            mails = smtp.gateway(port=link.port)
            signer = container.authenticator
            sender = MessageSender(container.database, texts, mails, signer, "https://example.org")
            yield Outbox(container, sender), link, smtp if is_mail else twilio
            await texts.close()


async def send_until_sent(outbox: Outbox, message: OutgoingMessage) -> OutgoingMessage:
    """Send a message again as the job does, until the provider has answered."""
    for _ in range(MAX_TRIES):
        message = await outbox.send(message)
        if message.status is not MessageStatus.PENDING:
            return message
    raise AssertionError(f"not sent: {message.last_error}")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("channel", ["mail", "sms"])
async def test_a_message_goes_out_whatever_fails_at_any_step(
    container: Container, channel: str
) -> None:
    """The provider refuses, is silent or goes away at a step, then works again.

    The message is sent then. It arrives twice only if the answer that it was accepted got lost,
    and a mail has the same id then.
    """
    async with linked_outbox(container, channel) as (outbox, link, simulator):
        while True:
            faults = len(link.log)
            message = await outbox.queue(new_recipient(channel))
            await link.arm()
            tried = await outbox.send(message)
            await link.mend()
            sent = await send_until_sent(outbox, message)
            assert sent.status is MessageStatus.SENT, (link.log, sent.last_error)
            arrived = await simulator.messages(message.recipient)
            if len(link.log) == faults:
                break
            step, fault = link.log[-1]
            accepted = step == HAND_OVER[channel] and fault not in BEFORE_ARRIVAL
            assert (tried.status is MessageStatus.SENT) == (step == "QUIT"), link.log[-1]
            lost = 0 if accepted or step == "QUIT" else 1
            assert 1 <= len(arrived) <= sent.attempt_count - lost, link.log[-1]
            assert len({one.get("id") for one in arrived}) == 1 or channel == "sms"
        assert link.missing() == {}
        assert set(link.seen) == STEPS[channel]
