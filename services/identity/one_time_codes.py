"""One-time codes by text message: six digits, valid five minutes and five attempts, with limits
on the number of codes per phone and network address."""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import DateTime, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from models.identity import OneTimeCode
from services.core.address_rate_limit import is_rate_limited
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput, Problem, RateLimited
from services.identity.credentials import CredentialSigner

CODE_SECONDS = 300
MAX_TRIES = 5
WINDOW_SECONDS = 3600
WINDOW = timedelta(seconds=WINDOW_SECONDS)
MAX_CODES_PER_PHONE = 5
MAX_CODES_PER_ADDRESS = 30
PHONE_PATTERN = re.compile(r"^\+[1-9][0-9]{6,14}$")
PHONE_SEPARATORS = re.compile(r"[\s().-]")
MAX_PHONE_CHARS = 30
PURPOSE = "one-time-code"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongOneTimeCode(Problem):
    """The code is wrong or expired; if `tries_left` is 0, a new code is required."""

    tries_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNotSent(Problem):
    """The text message could not be sent; a retry may succeed."""


def message_text(code: str) -> str:
    """Return the text message for a code."""
    return f"{code} is your Darkstore code. It is good for {CODE_SECONDS // 60} minutes."


def parse_phone_number(text: str, *path: str) -> str:
    """Return a phone number in E.164 (`+351912345678`) without separators.

    Raises DomainError: InvalidInput.
    """
    number = PHONE_SEPARATORS.sub("", text) if len(text) <= MAX_PHONE_CHARS else ""
    if not PHONE_PATTERN.match(number):
        message = "Write the phone number with its country code, such as +351912345678."
        raise DomainError(InvalidInput(path=["input", *path], message=message))
    return number


async def issue_code(
    session: AsyncSession, *, signer: CredentialSigner, phone: str, address: str
) -> str:
    """Create a code for a phone and store its keyed hash; return the digits, to send afterwards.

    The result does not depend on whether the number has an account. Raises DomainError:
    RateLimited after 5 codes per hour for a phone, or 30 for a network address.
    """
    await _check_limit(session, OneTimeCode.phone, phone, MAX_CODES_PER_PHONE)
    if is_rate_limited(address):
        await _check_limit(session, OneTimeCode.address, address, MAX_CODES_PER_ADDRESS)
    code = f"{secrets.randbelow(1_000_000):06}"
    now = await current_time(session)
    session.add(
        OneTimeCode(
            phone=phone,
            address=address,
            code_hash=signer.keyed_hash(PURPOSE, phone, code),
            issued_at=now,
            expires_at=await current_time(session, CODE_SECONDS),
        )
    )
    return code


async def verify_code(
    session: AsyncSession, *, signer: CredentialSigner, phone: str, code: str
) -> WrongOneTimeCode | None:
    """Check a code against the newest one of the phone and use it up; None means it is correct.

    The problem is returned, not raised, so that a failed attempt is committed and counts.
    """
    newest = await session.scalar(
        select(OneTimeCode)
        .where(OneTimeCode.phone == phone)
        .order_by(OneTimeCode.issued_at.desc(), OneTimeCode.id.desc())
        .limit(1)
        .with_for_update()
    )
    expired = WrongOneTimeCode(path=["input", "code"], message="Ask for a new code.", tries_left=0)
    if newest is None or newest.used_at is not None or newest.tries >= MAX_TRIES:
        return expired
    now = await current_time(session)
    if newest.expires_at <= now:
        return expired
    newest.tries += 1
    if hmac.compare_digest(newest.code_hash, signer.keyed_hash(PURPOSE, phone, code)):
        newest.used_at = now
        return None
    tries_left = MAX_TRIES - newest.tries
    message = f"That is not the code we sent. Tries left: {tries_left}."
    return WrongOneTimeCode(path=["input", "code"], message=message, tries_left=tries_left)


async def _check_limit(
    session: AsyncSession, column: InstrumentedAttribute[str], value: str, limit: int
) -> None:
    """Raise DomainError: RateLimited if `limit` codes of the last hour have this value."""
    # Serialize requests per value, so that two concurrent ones can't both pass the limit.
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(value, 0))))
    age = func.extract("epoch", func.clock_timestamp(type_=DateTime) - OneTimeCode.issued_at)
    ages = (
        await session.scalars(
            select(age)
            .where(column == value, OneTimeCode.issued_at > func.clock_timestamp() - WINDOW)
            .order_by(OneTimeCode.issued_at.desc())
            .limit(limit)
        )
    ).all()
    if len(ages) >= limit:
        wait = max(1, int(WINDOW_SECONDS - float(ages[-1])) + 1)
        message = f"Too many codes were asked for. Try again in {wait} seconds."
        raise DomainError(RateLimited(path=["input"], message=message, retry_after_seconds=wait))
