"""Sends queued messages through the gateways, outside of transactions."""

import asyncio
import logging
from dataclasses import dataclass

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.mail import Mail, MailError, MailRejected, MailSender
from gateways.sms import SmsError, SmsRejected, SmsSender
from models.messages import MessageChannel, MessageTopic, OutgoingMessage
from services import messages
from services.identity.credentials import CredentialSigner
from services.identity.link_tokens import sign_link

log = logging.getLogger("darkstore.messages")

ORIGIN = AuditContext("job:message.send")
MAX_MESSAGES = 20
MAX_RUNS = 10
ATTEMPT_SECONDS = 20.0
PATHS = {
    MessageTopic.INVITATION: "invitation",
    MessageTopic.SIGN_UP: "sign-up",
    MessageTopic.PASSWORD_RESET: "password",
    MessageTopic.EMAIL_CHANGE: "email",
}


@dataclass(frozen=True, slots=True)
class MessageSender:
    """Sends messages; one per worker process. Links begin with `app_url`."""

    database: Database
    sms: SmsSender
    mail: MailSender
    signer: CredentialSigner
    app_url: str

    async def send_due(self) -> int:
        """Send the messages that are due; returns how many were tried."""
        total = 0
        for _ in range(MAX_RUNS):
            async with self.database.write(PLATFORM, ORIGIN) as session:
                due = await messages.claim_due(session, MAX_MESSAGES)
            await asyncio.gather(*map(self._send, due))
            total += len(due)
            if len(due) < MAX_MESSAGES:
                break
        return total

    async def _send(self, message: OutgoingMessage) -> None:
        """Hand one message over and record the result; a crash in between sends it twice.

        Never raises, so that no message keeps another one from being recorded.
        """
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                if message.withheld:
                    return await self._record_withheld(message)
                await self._hand_over(message)
        except (MailError, SmsError, TimeoutError) as error:
            log.warning("a message was not sent: %s", error)
            permanent = isinstance(error, MailRejected | SmsRejected)
            await self._record_failure(message, error, permanent=permanent)
        except Exception as error:
            log.exception("message %s can't be sent", message.id)
            await self._record_failure(message, error, permanent=False)
        else:
            async with self.database.write(PLATFORM, ORIGIN) as session:
                await messages.record_sent(session, message.id)

    async def _record_withheld(self, message: OutgoingMessage) -> None:
        async with self.database.write(PLATFORM, ORIGIN) as session:
            await messages.record_withheld(session, message.id)

    async def _record_failure(
        self, message: OutgoingMessage, error: Exception, *, permanent: bool
    ) -> None:
        reason = f"{type(error).__name__}: {error}"
        async with self.database.write(PLATFORM, ORIGIN) as session:
            await messages.record_failure(session, message.id, reason, permanent=permanent)

    async def _hand_over(self, message: OutgoingMessage) -> None:
        text = self.render(message)
        if message.channel is MessageChannel.SMS:
            await self.sms.send(message.recipient, text)
        else:
            await self.mail.send(Mail(str(message.id), message.recipient, message.subject, text))

    def render(self, message: OutgoingMessage) -> str:
        """Return the text with its link; the key is behind `#`, which browsers send to nobody."""
        if message.link_subject_id is None or message.link_round is None:
            return message.text
        key = sign_link(self.signer, message.topic, message.link_subject_id, message.link_round)
        return message.text.replace(messages.LINK, f"{self.app_url}/{PATHS[message.topic]}#{key}")
