"""Reads the mails and text messages that the product has queued, and sends them to memory."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from database.scope import PLATFORM
from gateways.mail import Mail, MailError
from models.messages import OutgoingMessage
from resolvers.context import Container
from tests.support.actors import InMemorySms
from workflows.messages import MessageSender

APP_URL = "https://shop.example.org"
KEY = re.compile(r"https://shop\.example\.org/[a-z-]+#(\S+)")


@dataclass
class InMemoryMail:
    """A mail gateway in memory; the next attempts raise the scripted errors."""

    sent: list[Mail] = field(default_factory=list)
    errors: list[MailError] = field(default_factory=list)

    async def send(self, mail: Mail) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(mail)


@dataclass
class Mailbox:
    """What the owners of phones and addresses receive."""

    container: Container
    mail: InMemoryMail = field(default_factory=InMemoryMail)
    sms: InMemorySms = field(default_factory=InMemorySms)

    @property
    def sender(self) -> MessageSender:
        container = self.container
        return MessageSender(
            container.database, self.sms, self.mail, container.authenticator, APP_URL
        )

    async def messages(self, recipient: str) -> Sequence[OutgoingMessage]:
        """Return the messages that a recipient gets, the oldest first."""
        query = select(OutgoingMessage).where(
            OutgoingMessage.recipient == recipient, ~OutgoingMessage.withheld
        )
        async with self.container.database.read(PLATFORM) as session:
            return (await session.scalars(query.order_by(OutgoingMessage.id))).all()

    async def texts(self, recipient: str) -> list[str]:
        """Return the texts to a recipient as they are sent, the oldest first."""
        return [self.sender.render(message) for message in await self.messages(recipient)]

    async def key(self, recipient: str) -> str:
        """Return the key of the newest link to a recipient."""
        for text in reversed(await self.texts(recipient)):
            if found := KEY.search(text):
                return found[1]
        raise AssertionError(f"no link was sent to {recipient}")
