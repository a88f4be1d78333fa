"""Six digits sent to a phone: five minutes, five tries, and limits on how often one may ask."""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import DateTime, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from models.identity import OneTimeCode
from services.core.address_rate_limit import counted
from services.core.clock import moment
from services.core.problems import InvalidInput, Problem, RateLimited, Refused
from services.identity.credentials import CredentialSigner

CODE_SECONDS = 300
TRIES_COUNT = 5
WINDOW_SECONDS = 3600
WINDOW = timedelta(seconds=WINDOW_SECONDS)
PHONE_CODES_COUNT = 5
ADDRESS_CODES_COUNT = 30
PHONE = re.compile(r"^\+[1-9][0-9]{6,14}$")
SPACING = re.compile(r"[\s().-]")
PHONE_MAX_CHARS = 30
PURPOSE = "one-time-code"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongOneTimeCode(Problem):
    """Not the code that was sent, or it is over; `tries_left` of 0 means: ask for a new one."""

    tries_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNotSent(Problem):
    """The text message could not be handed over; asking again may work."""


def text_of(code: str) -> str:
    """What the phone shows."""
    return f"{code} is your Darkstore code. It is good for {CODE_SECONDS // 60} minutes."


def phone_number(text: str, *path: str) -> str:
    """A phone number in E.164 (`+351912345678`), spacing taken out; refused otherwise."""
    plain = SPACING.sub("", text) if len(text) <= PHONE_MAX_CHARS else ""
    if not PHONE.match(plain):
        message = "Write the phone number with its country code, such as +351912345678."
        raise Refused(InvalidInput(path=["input", *path], message=message))
    return plain


async def request(
    session: AsyncSession, *, identity: CredentialSigner, phone: str, address: str
) -> str:
    """Make a code for a phone and store its keyed hash; answers the digits, to be sent after.

    The answer is the same whether anybody has that number. Raises Refused with RateLimited after
    5 codes an hour for a phone, or 30 for a network address.
    """
    await _within_limits(session, OneTimeCode.phone, phone, PHONE_CODES_COUNT)
    if counted(address):
        await _within_limits(session, OneTimeCode.address, address, ADDRESS_CODES_COUNT)
    code = f"{secrets.randbelow(1_000_000):06}"
    now = await moment(session)
    session.add(
        OneTimeCode(
            phone=phone,
            address=address,
            code_hash=identity.mark(PURPOSE, phone, code),
            issued_at=now,
            expires_at=await moment(session, CODE_SECONDS),
        )
    )
    return code


async def verify(
    session: AsyncSession, *, identity: CredentialSigner, phone: str, code: str
) -> WrongOneTimeCode | None:
    """Use up the newest code of a phone; None means it was right.

    Nothing is raised, so that a wrong try commits and counts.
    """
    found = await session.scalar(
        select(OneTimeCode)
        .where(OneTimeCode.phone == phone)
        .order_by(OneTimeCode.issued_at.desc(), OneTimeCode.id.desc())
        .limit(1)
        .with_for_update()
    )
    over = WrongOneTimeCode(path=["input", "code"], message="Ask for a new code.", tries_left=0)
    if found is None or found.used_at is not None or found.tries >= TRIES_COUNT:
        return over
    now = await moment(session)
    if found.expires_at <= now:
        return over
    found.tries += 1
    if hmac.compare_digest(found.code_hash, identity.mark(PURPOSE, phone, code)):
        found.used_at = now
        return None
    left = TRIES_COUNT - found.tries
    message = f"That is not the code we sent. Tries left: {left}."
    return WrongOneTimeCode(path=["input", "code"], message=message, tries_left=left)


async def _within_limits(
    session: AsyncSession, column: InstrumentedAttribute[str], value: str, most: int
) -> None:
    """Refuse when `most` codes of the last hour have this phone or address."""
    # One at a time for each value: two requests at once must not both be the fifth.
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(value, 0))))
    age = func.extract("epoch", func.clock_timestamp(type_=DateTime) - OneTimeCode.issued_at)
    ages = (
        await session.scalars(
            select(age)
            .where(column == value, OneTimeCode.issued_at > func.clock_timestamp() - WINDOW)
            .order_by(OneTimeCode.issued_at.desc())
            .limit(most)
        )
    ).all()
    if len(ages) >= most:
        wait = max(1, int(WINDOW_SECONDS - float(ages[-1])) + 1)
        message = f"Too many codes were asked for. Try again in {wait} seconds."
        raise Refused(RateLimited(path=["input"], message=message, retry_after_seconds=wait))
