"""One-time codes by text message: six digits, valid five minutes and five attempts.

A code belongs to whoever asked for it: only with its challenge, or from the same network or known
device, can it be tried, so a stranger can't use up the tries of somebody's code; tries without the
challenge count by themselves.

The number of codes is limited for each pair of a phone and a source, and for a phone over all
unknown sources. Beyond that nobody is refused, or strangers could shut the owner out: one longer
code is sent in ten minutes, and all who ask meanwhile share it, each with a challenge and tries of
their own. Its length makes tries from thousands of networks useless (docs/decisions/0023).
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, bindparam, func, select, text, update
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
SHARED_DIGITS = 10
SHARED_SECONDS = 600
"""How long one shared code is the answer to further requests, each of which may then try it."""
MAX_CODES_PER_SOURCE = 5
"""Codes for one phone in an hour from a network, IPv6 /48 or known device; then it shares one."""
MAX_CODES_PER_PHONE = 10
"""Codes for one phone in an hour, over all unknown sources; then they share one."""
MAX_REQUESTS_PER_SOURCE = 20
"""Requests for one phone in an hour from a network or a known device, shared codes included."""
MAX_REQUESTS_PER_NETWORK = 30
"""Requests for all phones in an hour from one network; SITE_FACTOR times that from an IPv6 /48."""
PURPOSE = "one-time-code"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidOneTimeCode(Problem):
    """The code is wrong or expired; if `attempts_remaining` is 0, a new code is required."""

    attempts_remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeNotRequested(Problem):
    """No code was requested for this phone from here, nor with this challenge."""


CodeProblem = InvalidOneTimeCode | CodeNotRequested


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """The answer to a request, and the digits if they are to be sent by text message."""

    challenge: str
    digits: int
    sent_at: datetime
    """When the message was sent; earlier than the request if the code is shared."""
    code: str | None = None


# In a fixed order, so that two requests with values in common can't deadlock.
LOCK_LIMITS = prepared(
    text(
        "select pg_advisory_xact_lock(hashtextextended(value, 0)) from unnest(:values) as value"
    ).bindparams(bindparam("values", type_=ARRAY(Text)))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtpDeliveryFailed(Problem):
    """The text message could not be sent; a retry may succeed."""


def message_text(code: str) -> str:
    """Return the text message for a code."""
    seconds = SHARED_SECONDS if len(code) == SHARED_DIGITS else CODE_SECONDS
    return f"{code} is your Darkstore code. It is good for {seconds // 60} minutes."


async def issue_code(
    session: AsyncSession, *, signer: CredentialSigner, phone: str, source: AttemptSource
) -> IssuedCode:
    """Create a code for a phone and store its keyed hash; send the digits, if any, afterwards.

    The result does not depend on whether the number has an account. Raises DomainError:
    RateLimited.
    """
    values = sorted({phone, source.key, source.site} - {""})
    await session.execute(LOCK_LIMITS, {"values": values})
    await _check_requests(session, phone, source)
    now = await current_time(session)
    row = _request(phone, source, now)
    if await _shares_a_code(session, phone, source):
        row.digits = SHARED_DIGITS
        if (shared := await _shared_code(session, phone, now)) is not None:
            row.joined, row.code_hash = True, shared.code_hash
            session.add(row)
            return IssuedCode(row.id.hex, row.digits, shared.issued_at)
    code = f"{secrets.randbelow(10**row.digits):0{row.digits}}"
    row.code_hash = signer.keyed_hash(PURPOSE, phone, code)
    session.add(row)
    return IssuedCode(row.id.hex, row.digits, now, code)


def _request(phone: str, source: AttemptSource, now: datetime) -> OneTimeCode:
    """A row for a request, without its code."""
    return OneTimeCode(
        id=uuid7(),
        phone=phone,
        source=source.key,
        site=source.site,
        known_device=source.known,
        issued_at=now,
        expires_at=now + timedelta(seconds=CODE_SECONDS),
        digits=CODE_DIGITS,
    )


async def _shared_code(session: AsyncSession, phone: str, now: datetime) -> OneTimeCode | None:
    """The long code that was sent to a phone lately and has not been used."""
    found: OneTimeCode | None = await session.scalar(
        select(OneTimeCode)
        .where(
            OneTimeCode.phone == phone,
            OneTimeCode.digits == SHARED_DIGITS,
            ~OneTimeCode.joined & ~OneTimeCode.not_sent & OneTimeCode.used_at.is_(None),
            OneTimeCode.issued_at > now - timedelta(seconds=SHARED_SECONDS),
        )
        .order_by(OneTimeCode.issued_at.desc())
        .limit(1)
    )
    return found


async def verify_code(
    session: AsyncSession,
    *,
    signer: CredentialSigner,
    phone: str,
    code: str,
    source: AttemptSource,
    challenge: str | None = None,
) -> CodeProblem | None:
    """Check a code against the newest one that the source asked for, or against the challenge's.

    Uses the code up; None means it is correct. The problem is returned, not raised, so that a
    failed attempt is committed and counts. A text without the number of digits does not count.
    """
    newest = await _lock_newest(session, phone, _asked_for(source, challenge))
    expired = _wrong("Ask for a new code.", 0)
    if newest is None:
        message = "No code was requested for this phone from here: ask for one."
        return CodeNotRequested(path=["input", "phone"], message=message)
    if newest.used_at is not None:
        return expired
    # Others in the same network don't know the challenge: they use up tries of their own.
    counter = "blind_tries" if challenge is None else "tries"
    tries = getattr(newest, counter) + 1
    if tries > MAX_TRIES:
        return expired
    now = await current_time(session)
    if newest.expires_at <= now:
        return expired
    if (digits := parse_digits(code, newest.digits)) is None:
        return _wrong(f"The code has {newest.digits} digits.", MAX_TRIES - tries + 1)
    setattr(newest, counter, tries)
    if hmac.compare_digest(newest.code_hash, signer.keyed_hash(PURPOSE, phone, digits)):
        newest.used_at = now
        if newest.digits == SHARED_DIGITS:
            await _use_up(session, newest, now)
        return None
    left = MAX_TRIES - tries
    return _wrong(f"That is not the code we sent. Tries left: {left}.", left)


async def _lock_newest(
    session: AsyncSession, phone: str, condition: ColumnElement[bool]
) -> OneTimeCode | None:
    newest: OneTimeCode | None = await session.scalar(
        select(OneTimeCode)
        .where(OneTimeCode.phone == phone, condition)
        .order_by(OneTimeCode.issued_at.desc(), OneTimeCode.id.desc())
        .limit(1)
        .with_for_update()
    )
    return newest


async def _use_up(session: AsyncSession, code: OneTimeCode, now: datetime) -> None:
    """End a shared code for all requests that it was the answer to."""
    same = (OneTimeCode.phone == code.phone, OneTimeCode.code_hash == code.code_hash)
    await session.execute(update(OneTimeCode).where(*same).values(used_at=now))


def _wrong(message: str, attempts_remaining: int) -> InvalidOneTimeCode:
    return InvalidOneTimeCode(
        path=["input", "code"], message=message, attempts_remaining=attempts_remaining
    )


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


async def _check_requests(session: AsyncSession, phone: str, source: AttemptSource) -> None:
    """Raise DomainError: RateLimited if the source has asked too often, whatever was sent."""
    of_source = OneTimeCode.source == source.key
    limits: list[tuple[ColumnElement[bool], int]]
    limits = [((OneTimeCode.phone == phone) & of_source, MAX_REQUESTS_PER_SOURCE)]
    if source.limited:
        limits.append((of_source, MAX_REQUESTS_PER_NETWORK))
    if source.limited and source.site:
        of_site = OneTimeCode.site == source.site
        limits.append((of_site, MAX_REQUESTS_PER_NETWORK * SITE_FACTOR))
    for condition, limit in limits:
        wait = await _wait_seconds(session, condition, limit)
        if wait is not None:
            message = f"Too many codes were asked for. Try again in {wait} seconds."
            problem = RateLimited(path=["input"], message=message, retry_after_seconds=wait)
            raise DomainError(problem)


async def _shares_a_code(session: AsyncSession, phone: str, source: AttemptSource) -> bool:
    """Whether the phone or the source got so many codes lately that no further one is its own."""
    of_phone = (OneTimeCode.phone == phone) & ~OneTimeCode.joined
    sent = of_phone & ~OneTimeCode.not_sent
    limits: list[tuple[ColumnElement[bool], int]]
    limits = [(sent & (OneTimeCode.source == source.key), MAX_CODES_PER_SOURCE)]
    if source.site:
        limits.append((sent & (OneTimeCode.site == source.site), MAX_CODES_PER_SOURCE))
    if not source.known:
        limits.append((of_phone & ~OneTimeCode.known_device, MAX_CODES_PER_PHONE))
    for condition, limit in limits:
        if await _wait_seconds(session, condition, limit) is not None:
            return True
    return False


async def _wait_seconds(
    session: AsyncSession, condition: ColumnElement[bool], limit: int
) -> int | None:
    """The time until fewer than `limit` codes of the last hour meet the condition, None if now."""
    age = func.extract("epoch", func.clock_timestamp(type_=DateTime) - OneTimeCode.issued_at)
    ages = (
        await session.scalars(
            select(age)
            .where(condition, OneTimeCode.issued_at > func.clock_timestamp() - WINDOW)
            .order_by(OneTimeCode.issued_at.desc())
            .limit(limit)
        )
    ).all()
    if len(ages) < limit:
        return None
    return max(1, int(WINDOW_SECONDS - float(ages[-1])) + 1)
