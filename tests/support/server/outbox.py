"""Queues messages and sends them through a sender, those of one test alone."""

from dataclasses import dataclass
from secrets import randbelow, token_hex

from sqlalchemy import func, update

from database.audit import AuditContext
from database.scope import PLATFORM
from models.messages import MessageStatus, MessageTopic, OutgoingMessage
from resolvers.context import Container
from services import messages
from workflows.messages import MessageSender

ORIGIN = AuditContext("test")


@dataclass
class Outbox:
    """The queue of one test: the messages of other tests wait."""

    container: Container
    sender: MessageSender

    async def queue(self, recipient: str) -> OutgoingMessage:
        topic = MessageTopic.SECURITY_NOTICE
        async with self.container.database.write(PLATFORM, ORIGIN) as session:
            if recipient.startswith("+"):
                return await messages.queue_text(session, topic, recipient, text="Changed.")
            return await messages.queue_mail(
                session, topic, recipient, subject="Changed", text="Changed.\n"
            )

    async def send(self, message: OutgoingMessage) -> OutgoingMessage:
        """Send what is due, which is this message alone; return it as it is afterwards."""
        queue = update(OutgoingMessage).where(OutgoingMessage.status == MessageStatus.PENDING)
        own = OutgoingMessage.id == message.id
        async with self.container.database.write(PLATFORM, ORIGIN) as session:
            later = func.clock_timestamp() + func.make_interval(0, 0, 0, 1)
            await session.execute(queue.where(~own).values(due_at=later))
            await session.execute(queue.where(own).values(due_at=func.clock_timestamp()))
        await self.sender.send_due()
        async with self.container.database.read(PLATFORM) as session:
            return await session.get_one(OutgoingMessage, message.id)


def new_recipient(channel: str) -> str:
    return f"+35191{randbelow(10**7):07}" if channel == "sms" else f"{token_hex(6)}@example.org"
