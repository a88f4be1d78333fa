"""One-time codes by text message: six digits, valid five minutes and five attempts.

A code belongs to whoever asked for it: only with its challenge, or from the same network or known
device, can it be tried, so a stranger can't use up the tries of somebody's code; tries without the
challenge count by themselves. The number of
codes is limited for each pair of a phone and a source, for each network, and for a phone over all
unknown sources; a device on which the phone has signed in before has a limit of its own.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from database.base import uuid7
from database.statements import prepared
from models.identity import OneTimeCode
from services.core.address_rate_limit import SITE_FACTOR
from services.core.clock import current_time
from services.core.problems import DomainError, Problem, RateLimited
from services.core.text import parse_digits, parse_key
from services.identity.attempts import AttemptSource
from services.identity.credentials import CredentialSigner

CODE_SECONDS = 300
CODE_DIGITS = 6
MAX_TRIES = 5
WINDOW_SECONDS = 3600
WINDOW = timedelta(seconds=WINDOW_SECONDS)
MAX_CODES_PER_SOURCE = 5
"""Codes for one phone that one network, IPv6 /48 or known device may ask for in an hour."""
MAX_CODES_PER_PHONE = 20
"""Codes for one phone in an hour, over all networks; known devices do not count."""
MAX_CODES_PER_NETWORK = 30
"""Codes for all phones in an hour from one network; SITE_FACTOR times that from an IPv6 /48."""
PURPOSE = "one-time-code"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongOneTimeCode(Problem):
    """The code is wrong or expired; if `tries_left` is 0, a new code is required."""

    tries_left: int


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """The digits, to send by text message, and the challenge, for whoever asked for them."""

    code: str
    challenge: str


# In a fixed order, so that two requests with values in common can't deadlock.
LOCK_LIMITS = prepared(
    text(
        "select pg_advisory_xact_lock(hashtextextended(value, 0)) from unnest(:values) as value"
    ).bindparams(bindparam("values", type_=ARRAY(Text)))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNotSent(Problem):
    """The text message could not be sent; a retry may succeed."""


def message_text(code: str) -> str:
    """Return the text message for a code."""
    return f"{code} is your Darkstore code. It is good for {CODE_SECONDS // 60} minutes."


async def issue_code(
    session: AsyncSession, *, signer: CredentialSigner, phone: str, source: AttemptSource
) -> IssuedCode:
    """Create a code for a phone and store its keyed hash; send the digits afterwards.

    The result does not depend on whether the number has an account. Raises DomainError:
    RateLimited.
    """
    await _check_limits(session, phone, source)
    code, key = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}", uuid7()
    now = await current_time(session)
    session.add(
        OneTimeCode(
            id=key,
            phone=phone,
            source=source.key,
            site=source.site,
            known_device=source.known,
            code_hash=signer.keyed_hash(PURPOSE, phone, code),
            issued_at=now,
            expires_at=await current_time(session, CODE_SECONDS),
        )
    )
    return IssuedCode(code, key.hex)


async def verify_code(
    session: AsyncSession,
    *,
    signer: CredentialSigner,
    phone: str,
    code: str,
    source: AttemptSource,
    challenge: str | None = None,
) -> WrongOneTimeCode | None:
    """Check a code against the newest one that the source asked for, or against the challenge's.

    Uses the code up; None means it is correct. The problem is returned, not raised, so that a
    failed attempt is committed and counts. A text that is no code of six digits does not count.
    """
    newest = await session.scalar(
        select(OneTimeCode)
        .where(OneTimeCode.phone == phone, _asked_for(source, challenge))
        .order_by(OneTimeCode.issued_at.desc(), OneTimeCode.id.desc())
        .limit(1)
        .with_for_update()
    )
    expired = _wrong("Ask for a new code.", 0)
    if newest is None or newest.used_at is not None:
        return expired
    # Others in the same network don't know the challenge: they use up tries of their own.
    counter = "blind_tries" if challenge is None else "tries"
    tries = getattr(newest, counter) + 1
    if tries > MAX_TRIES:
        return expired
    now = await current_time(session)
    if newest.expires_at <= now:
        return expired
    if (digits := parse_digits(code, CODE_DIGITS)) is None:
        return _wrong(f"The code has {CODE_DIGITS} digits.", MAX_TRIES - tries + 1)
    setattr(newest, counter, tries)
    if hmac.compare_digest(newest.code_hash, signer.keyed_hash(PURPOSE, phone, digits)):
        newest.used_at = now
        return None
    tries_left = MAX_TRIES - tries
    return _wrong(f"That is not the code we sent. Tries left: {tries_left}.", tries_left)


def _wrong(message: str, tries_left: int) -> WrongOneTimeCode:
    return WrongOneTimeCode(path=["input", "code"], message=message, tries_left=tries_left)


async def mark_not_sent(session: AsyncSession, challenge: str) -> None:
    """Record that the message of a code was not accepted, so that its request counts less."""
    code = await session.get_one(OneTimeCode, UUID(hex=challenge))
    code.not_sent = True


def _asked_for(source: AttemptSource, challenge: str | None) -> ColumnElement[bool]:
    """The condition that the caller is who asked for a code."""
    if challenge is None:
        return OneTimeCode.source == source.key
    try:
        return OneTimeCode.id == UUID(hex=parse_key(challenge)[:36])
    except ValueError:
        return OneTimeCode.id.is_(None)


async def _check_limits(session: AsyncSession, phone: str, source: AttemptSource) -> None:
    """Raise DomainError: RateLimited if the phone or the source got too many codes lately."""
    values = sorted({phone, source.key, source.site} - {""})
    await session.execute(LOCK_LIMITS, {"values": values})
    of_phone, of_source = OneTimeCode.phone == phone, OneTimeCode.source == source.key
    limits: list[tuple[ColumnElement[bool], int]]
    # A provider that sends nothing uses up no request, within the bound of a phone.
    limits = [
        (of_phone & of_source & ~OneTimeCode.not_sent, MAX_CODES_PER_SOURCE),
        (of_phone & of_source, MAX_CODES_PER_PHONE),
    ]
    if source.site:
        of_site = of_phone & (OneTimeCode.site == source.site)
        limits.append((of_site & ~OneTimeCode.not_sent, MAX_CODES_PER_SOURCE))
    if not source.known:
        limits.append((of_phone & ~OneTimeCode.known_device, MAX_CODES_PER_PHONE))
    if source.limited:
        limits.append((of_source, MAX_CODES_PER_NETWORK))
    if source.limited and source.site:
        all_of_site = OneTimeCode.site == source.site
        limits.append((all_of_site, MAX_CODES_PER_NETWORK * SITE_FACTOR))
    for condition, limit in limits:
        await _check_limit(session, condition, limit)


async def _check_limit(session: AsyncSession, condition: ColumnElement[bool], limit: int) -> None:
    """Raise DomainError: RateLimited if `limit` codes of the last hour meet the condition."""
    age = func.extract("epoch", func.clock_timestamp(type_=DateTime) - OneTimeCode.issued_at)
    ages = (
        await session.scalars(
            select(age)
            .where(condition, OneTimeCode.issued_at > func.clock_timestamp() - WINDOW)
            .order_by(OneTimeCode.issued_at.desc())
            .limit(limit)
        )
    ).all()
    if len(ages) >= limit:
        wait = max(1, int(WINDOW_SECONDS - float(ages[-1])) + 1)
        message = f"Too many codes were asked for. Try again in {wait} seconds."
        raise DomainError(RateLimited(path=["input"], message=message, retry_after_seconds=wait))
