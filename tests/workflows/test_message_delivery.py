"""Queued messages through the real gateways: once if accepted, again if not, never if refused."""

from collections.abc import AsyncIterator

import pytest

from models.messages import MessageStatus
from resolvers.context import Container
from simulators.twilio.app import UNREACHABLE
from tests.support.server.message_simulators import (
    MailSimulator,
    TextSimulator,
    mail_simulator,
    text_simulator,
)
from tests.support.server.outbox import Outbox, new_recipient
from workflows.messages import MessageSender

REFUSED_ADDRESS = "nobody@invalid.example"


@pytest.fixture(scope="module")
async def smtp() -> AsyncIterator[MailSimulator]:
    async with mail_simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
async def twilio() -> AsyncIterator[TextSimulator]:
    async with text_simulator() as simulator:
        yield simulator


@pytest.fixture
async def outbox(
    container: Container, smtp: MailSimulator, twilio: TextSimulator
) -> AsyncIterator[Outbox]:
    sms = twilio.gateway()
    signer = container.authenticator
    yield Outbox(
        container,
        MessageSender(container.database, sms, smtp.gateway(), signer, "https://shop.example.org"),
    )
    await sms.close()


@pytest.mark.leaves("OutgoingMessage.PENDING")
@pytest.mark.parametrize("channel", ["mail", "sms"])
async def test_an_accepted_message_is_sent_once(
    outbox: Outbox, smtp: MailSimulator, twilio: TextSimulator, channel: str
) -> None:
    message = await outbox.queue(new_recipient(channel))
    sent = await outbox.send(message)
    assert (sent.status, sent.attempt_count) == (MessageStatus.SENT, 1)
    await outbox.send(message)
    simulator = twilio if channel == "sms" else smtp
    assert len(await simulator.messages(message.recipient)) == 1


@pytest.mark.parametrize("recipient", [REFUSED_ADDRESS, UNREACHABLE])
async def test_a_refused_recipient_is_given_up_at_once(outbox: Outbox, recipient: str) -> None:
    message = await outbox.send(await outbox.queue(recipient))
    assert (message.status, message.attempt_count) == (MessageStatus.FAILED, 1)
    assert message.last_error


@pytest.mark.parametrize("channel", ["mail", "sms"])
async def test_after_a_temporary_error_the_message_is_sent_again(
    outbox: Outbox, smtp: MailSimulator, twilio: TextSimulator, channel: str
) -> None:
    """The server is busy for a moment: the next attempt comes later, and succeeds."""
    simulator = twilio if channel == "sms" else smtp
    message = await outbox.queue(new_recipient(channel))
    fault = {"status": 503} if channel == "sms" else {"stage": "data", "reply": "451 Busy"}
    await simulator.fail(**fault)
    waiting = await outbox.send(message)
    assert waiting.status is MessageStatus.PENDING
    assert waiting.due_at > message.due_at
    assert "Unavailable" in (waiting.last_error or "")
    sent = await outbox.send(message)
    assert (sent.status, sent.attempt_count) == (MessageStatus.SENT, 2)
    assert len(await simulator.messages(message.recipient)) == 1


@pytest.mark.parametrize("channel", ["mail", "sms"])
async def test_after_a_lost_answer_the_message_is_sent_again_rather_than_never(
    outbox: Outbox, smtp: MailSimulator, twilio: TextSimulator, channel: str
) -> None:
    """Accepted, and the answer is lost: twice is better than never, and a mail keeps its id."""
    simulator = twilio if channel == "sms" else smtp
    message = await outbox.queue(new_recipient(channel))
    fault = {"status": 504, "accepted": True} if channel == "sms" else {"stage": "accepted"}
    await simulator.fail(**fault)
    assert (await outbox.send(message)).status is MessageStatus.PENDING
    assert (await outbox.send(message)).status is MessageStatus.SENT
    arrived = await simulator.messages(message.recipient)
    assert len(arrived) == 2
    if channel == "mail":
        assert arrived[0]["id"] == arrived[1]["id"]
