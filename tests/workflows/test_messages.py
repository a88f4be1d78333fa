"""Queued messages are sent, tried again, or end; none keeps another one waiting."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from database.audit import AuditContext
from database.scope import PLATFORM
from gateways.mail import Mail, MailRejected, MailUnavailable
from jobs.messages import send_messages
from models.messages import MessageStatus, MessageTopic, OutgoingMessage
from resolvers.context import Container
from services import messages
from tests.support.mailbox import InMemoryMail, Mailbox

ORIGIN = AuditContext("test")
TOPIC = MessageTopic.SECURITY_NOTICE


@pytest.fixture
async def mailbox(container: Container) -> Mailbox:
    """A mailbox without messages of other tests that are due."""
    async with container.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(
            update(OutgoingMessage)
            .where(OutgoingMessage.status == MessageStatus.PENDING)
            .values(due_at=func.now() + timedelta(days=1))
        )
    return Mailbox(container)


async def queue(mailbox: Mailbox, to: str) -> OutgoingMessage:
    async with mailbox.container.database.write(PLATFORM, ORIGIN) as session:
        return await messages.queue_mail(session, TOPIC, to, subject=f"To {to}", text="Hello.")


async def reload(mailbox: Mailbox, message: OutgoingMessage) -> OutgoingMessage:
    async with mailbox.container.database.read(PLATFORM) as session:
        return await session.get_one(OutgoingMessage, message.id)


async def change(mailbox: Mailbox, message: OutgoingMessage, **columns: object) -> None:
    async with mailbox.container.database.write(PLATFORM, ORIGIN) as session:
        row = update(OutgoingMessage).where(OutgoingMessage.id == message.id)
        await session.execute(row.values(**columns))


async def test_a_message_is_sent_once(mailbox: Mailbox) -> None:
    message = await queue(mailbox, "ana@example.org")
    sender = mailbox.sender
    assert [await send_messages(sender), await send_messages(sender)] == [1, 0]
    (mail,) = mailbox.mail.sent
    assert (mail.id, mail.to, mail.subject) == (
        str(message.id), "ana@example.org", "To ana@example.org"
    )  # fmt: skip
    sent = await reload(mailbox, message)
    assert (sent.status, sent.attempt_count) == (MessageStatus.SENT, 1)
    assert sent.sent_at is not None


async def test_a_server_that_can_not_be_reached_is_tried_again_ever_later(
    mailbox: Mailbox,
) -> None:
    message = await queue(mailbox, "ana@example.org")
    waits = []
    for _ in range(3):
        mailbox.mail.errors.append(MailUnavailable("The mail server can't be reached."))
        assert await send_messages(mailbox.sender) == 1
        failed = await reload(mailbox, message)
        assert (failed.status, failed.last_error) == (
            MessageStatus.PENDING, "MailUnavailable: The mail server can't be reached.",
        )  # fmt: skip
        assert await send_messages(mailbox.sender) == 0
        async with mailbox.container.database.read(PLATFORM) as session:
            now = await session.scalar(select(func.clock_timestamp()))
        assert now is not None
        waits.append((failed.due_at - now).total_seconds())
        await change(mailbox, message, due_at=func.now())
    assert waits == sorted(waits)
    assert await send_messages(mailbox.sender) == 1
    assert (await reload(mailbox, message)).status is MessageStatus.SENT


async def test_a_rejected_message_is_not_sent_again(mailbox: Mailbox) -> None:
    message = await queue(mailbox, "nobody@example.org")
    mailbox.mail.errors.append(MailRejected("The mail server answered 550."))
    assert await send_messages(mailbox.sender) == 1
    await change(mailbox, message, due_at=func.now())
    assert await send_messages(mailbox.sender) == 0
    failed = await reload(mailbox, message)
    assert (failed.status, failed.sent_at) == (MessageStatus.FAILED, None)
    assert failed.last_error == "MailRejected: The mail server answered 550."


async def test_a_message_ends_when_it_is_of_no_use_any_more(mailbox: Mailbox) -> None:
    """The mail server is down for longer than the link of the mail is valid."""
    message = await queue(mailbox, "ana@example.org")
    await change(mailbox, message, expires_at=func.now())
    assert await send_messages(mailbox.sender) == 0
    ended = await reload(mailbox, message)
    assert (ended.status, ended.last_error) == (MessageStatus.FAILED, "It was not sent in time.")
    assert not mailbox.mail.sent


async def test_a_message_whose_sender_died_is_sent_by_another_a_minute_later(
    mailbox: Mailbox,
) -> None:
    message = await queue(mailbox, "ana@example.org")
    async with mailbox.container.database.write(PLATFORM, ORIGIN) as session:
        assert [one.id for one in await messages.claim_due(session, 10)] == [message.id]
    assert await send_messages(mailbox.sender) == 0
    await change(mailbox, message, due_at=OutgoingMessage.due_at - timedelta(seconds=60))
    assert await send_messages(mailbox.sender) == 1
    assert (await reload(mailbox, message)).status is MessageStatus.SENT


class DefectiveMail(InMemoryMail):
    """Raises what no gateway should for one recipient."""

    async def send(self, mail: Mail) -> None:
        if mail.to == "defect@example.org":
            raise ValueError("a defect")
        await super().send(mail)


async def test_an_unexpected_error_is_recorded_and_keeps_no_other_message_back(
    mailbox: Mailbox,
) -> None:
    """It left the whole group without results, and the message was tried without an end."""
    mailbox.mail = DefectiveMail()
    bad = await queue(mailbox, "defect@example.org")
    good = [await queue(mailbox, f"{number}@example.org") for number in range(3)]
    assert await send_messages(mailbox.sender) == 4
    for message in good:
        assert (await reload(mailbox, message)).status is MessageStatus.SENT
    failed = await reload(mailbox, bad)
    assert (failed.status, failed.last_error) == (MessageStatus.PENDING, "ValueError: a defect")


async def test_a_withheld_message_is_never_sent_and_ends_like_the_one_before(
    mailbox: Mailbox,
) -> None:
    """While the provider is down it waits too, else it would tell that it is withheld."""
    first, withheld = (
        await queue(mailbox, "zoe@example.org"),
        await queue(mailbox, "zoe@example.org"),
    )
    await change(mailbox, withheld, withheld=True)
    mailbox.mail.errors.append(MailUnavailable("down"))
    assert await send_messages(mailbox.sender) == 2
    assert (await reload(mailbox, withheld)).status is MessageStatus.PENDING
    for message in (first, withheld):
        await change(mailbox, message, due_at=func.now())
        await send_messages(mailbox.sender)
    assert (await reload(mailbox, withheld)).status is MessageStatus.SENT
    assert [mail.id for mail in mailbox.mail.sent] == [str(first.id)]
