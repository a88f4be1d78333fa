"""The text messages of one-time codes: their words, and what became of each.

Requests that share a code wait for the result of its one message.
"""

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import OneTimeCode
from models.message_text import duration_text
from services.core.clock import current_time
from services.core.problems import Problem
from services.identity.one_time_codes import (
    CODE_SECONDS,
    SENDING_SECONDS,
    SHARED_CODE_SECONDS,
    SHARED_DIGITS,
    IssuedCode,
)


class CodeDelivery(Enum):
    """What became of the message of a code that others share."""

    ON_ITS_WAY = "on its way"
    SENT = "sent"
    REFUSED = "refused"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtpDeliveryFailed(Problem):
    """The text message could not be sent; a retry may succeed."""


def message_text(code: str) -> str:
    """Return the text message for a code."""
    seconds = SHARED_CODE_SECONDS if len(code) == SHARED_DIGITS else CODE_SECONDS
    return f"{code} is your Darkstore code. It is good for {duration_text(seconds)}."


async def record_result(session: AsyncSession, issued: IssuedCode, *, is_sent: bool) -> None:
    """Record whether the provider has accepted the message of a code.

    A code that it has not accepted counts less for its request. That one of six digits was sent is
    not recorded: nobody asks.
    """
    code = await session.get_one(OneTimeCode, UUID(hex=issued.challenge))
    code.not_sent = not is_sent
    code.sent_at = await current_time(session) if is_sent else None


async def read_delivery(session: AsyncSession, challenge: str) -> CodeDelivery:
    """What became of the message that a request has joined."""
    joined = await session.get_one(OneTimeCode, UUID(hex=challenge))
    first = (await session.scalars(_same_code(joined).where(~OneTimeCode.joined))).first()
    if first is None or first.not_sent:
        return CodeDelivery.REFUSED
    if first.sent_at is not None:
        return CodeDelivery.SENT
    age_seconds = (await current_time(session) - first.issued_at).total_seconds()
    return CodeDelivery.LOST if age_seconds > SENDING_SECONDS else CodeDelivery.ON_ITS_WAY


def _same_code(code: OneTimeCode) -> Select[OneTimeCode]:
    """The requests that a code is the answer to, the first one included."""
    return select(OneTimeCode).where(
        OneTimeCode.phone == code.phone, OneTimeCode.code_hash == code.code_hash
    )
