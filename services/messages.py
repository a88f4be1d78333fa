"""Queues mails and text messages in the transaction of their cause; a job sends them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.messages import MessageChannel, MessageStatus, MessageTopic, OutgoingMessage
from services.core.clock import current_time
from services.core.state_machine import AutomaticTransition, StateMachine

LINK = "{link}"
NOTICE_SECONDS = 24 * 3600
"""How long a message without a link is worth sending."""
FIRST_WAIT_SECONDS = 5
MAX_WAIT_SECONDS = 600
CLAIM_SECONDS = 60
"""After this time a message is taken up again whose sender has died."""
MAX_ERROR_LENGTH = 300
PENDING = {MessageStatus.PENDING}

MESSAGE_MACHINE: StateMachine[OutgoingMessage, MessageStatus, MessageStatus] = StateMachine(
    name="OutgoingMessage",
    model=OutgoingMessage,
    status=MessageStatus,
    initial=PENDING,
    automatic=(
        AutomaticTransition(
            "job: the provider accepted it", PENDING, {MessageStatus.SENT}, job="message.send"
        ),
        AutomaticTransition(
            "job: the provider rejects it, or it was of no use any more",
            PENDING,
            {MessageStatus.FAILED},
            job="message.send",
        ),
    ),
)
CLAIM_DUE = prepared(
    select(OutgoingMessage)
    .where(
        OutgoingMessage.status == MessageStatus.PENDING,
        OutgoingMessage.due_at <= func.clock_timestamp(),
    )
    .order_by(OutgoingMessage.due_at)
    .limit(bindparam("count"))
    .with_for_update(skip_locked=True)
)

LAST_SENT = prepared(
    select(OutgoingMessage)
    .where(
        OutgoingMessage.recipient == bindparam("recipient"),
        OutgoingMessage.topic == bindparam("topic"),
        ~OutgoingMessage.withheld,
    )
    .order_by(OutgoingMessage.created_at.desc())
    .limit(1)
)
LOCK_RECIPIENT = prepared(
    select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("recipient"), 0)))
)


@dataclass(frozen=True, slots=True)
class MessageLink:
    """What a link in a message is about; its key is computed when the message is sent."""

    subject_id: UUID
    round: int = 0


async def queue_mail(
    session: AsyncSession,
    topic: MessageTopic,
    to: str,
    *,
    subject: str,
    text: str,
    link: MessageLink | None = None,
    expires_at: datetime | None = None,
    withheld: bool = False,
) -> OutgoingMessage:
    """Queue a mail; `{link}` in the text becomes the link. It is not sent after `expires_at`."""
    return await _queue(
        session,
        topic,
        MessageChannel.MAIL,
        to,
        subject=subject,
        text=text,
        link_subject_id=link and link.subject_id,
        link_round=link and link.round,
        expires_at=expires_at,
        withheld=withheld,
    )


async def queue_text(
    session: AsyncSession,
    topic: MessageTopic,
    to: str,
    *,
    text: str,
    expires_at: datetime | None = None,
    withheld: bool = False,
) -> OutgoingMessage:
    """Queue a text message to a phone. It is not sent after `expires_at`."""
    return await _queue(
        session,
        topic,
        MessageChannel.SMS,
        to,
        text=text,
        expires_at=expires_at,
        withheld=withheld,
    )


async def _queue(
    session: AsyncSession,
    topic: MessageTopic,
    channel: MessageChannel,
    to: str,
    *,
    expires_at: datetime | None,
    **values: Any,
) -> OutgoingMessage:
    message = OutgoingMessage(
        channel=channel,
        topic=topic,
        recipient=to,
        expires_at=expires_at or await current_time(session, NOTICE_SECONDS),
        **values,
    )
    session.add(message)
    await session.flush()
    return message


async def count_lately(
    session: AsyncSession, topic: MessageTopic, recipient: str, seconds: int
) -> int:
    """Return how many messages of a topic a recipient was sent in the last seconds.

    Locks the recipient until the transaction ends, so that parallel requests count each other.
    """
    await session.execute(LOCK_RECIPIENT, {"recipient": f"message:{recipient}"})
    since = func.clock_timestamp() - timedelta(seconds=seconds)
    count = await session.scalar(
        select(func.count())
        .select_from(OutgoingMessage)
        .where(
            OutgoingMessage.recipient == recipient,
            OutgoingMessage.topic == topic,
            OutgoingMessage.created_at > since,
            ~OutgoingMessage.withheld,
        )
    )
    return count or 0


async def claim_due(session: AsyncSession, count: int) -> list[OutgoingMessage]:
    """Take up messages that are due, so that no other sender takes them up for a minute.

    Those that are of no use any more are marked as failed instead.
    """
    now = await current_time(session)
    due = (await session.scalars(CLAIM_DUE, {"count": count})).all()
    claimed = []
    for message in due:
        if message.expires_at <= now:
            MESSAGE_MACHINE.set_status(message, MessageStatus.FAILED)
            message.last_error = message.last_error or "It was not sent in time."
            continue
        message.attempt_count += 1
        message.due_at = now + timedelta(seconds=CLAIM_SECONDS)
        claimed.append(message)
    await session.flush()
    return claimed


async def record_sent(session: AsyncSession, message_id: UUID) -> None:
    """Note that the provider has accepted a message."""
    message = await session.get_one(OutgoingMessage, message_id, with_for_update=True)
    if message.status is MessageStatus.PENDING:
        MESSAGE_MACHINE.set_status(message, MessageStatus.SENT)
        message.sent_at = await current_time(session)


async def record_withheld(session: AsyncSession, message_id: UUID) -> None:
    """Give a withheld message the status of the last message that was sent to its recipient.

    Else its sender would learn that others write to the same person.
    """
    message = await session.get_one(OutgoingMessage, message_id, with_for_update=True)
    recipient = {"recipient": message.recipient, "topic": message.topic}
    last = (await session.scalars(LAST_SENT, recipient)).first()
    if message.status is not MessageStatus.PENDING:
        return
    if last is not None and last.status is MessageStatus.PENDING:
        message.due_at = max(message.due_at, last.due_at)
        return
    failed = last is not None and last.status is MessageStatus.FAILED
    MESSAGE_MACHINE.set_status(message, MessageStatus.FAILED if failed else MessageStatus.SENT)
    message.sent_at = None if failed else await current_time(session)


async def record_failure(
    session: AsyncSession, message_id: UUID, error: str, *, permanent: bool
) -> None:
    """Note a failed attempt: it is tried again, ever later, until the message expires.

    A permanent failure ends it: the provider would never accept it.
    """
    message = await session.get_one(OutgoingMessage, message_id, with_for_update=True)
    if message.status is not MessageStatus.PENDING:
        return
    message.last_error = error[:MAX_ERROR_LENGTH]
    if permanent:
        MESSAGE_MACHINE.set_status(message, MessageStatus.FAILED)
        return
    wait = min(FIRST_WAIT_SECONDS * 2 ** min(message.attempt_count - 1, 10), MAX_WAIT_SECONDS)
    message.due_at = await current_time(session, wait)
