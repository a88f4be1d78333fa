"""One-time codes by text message: six digits, valid five minutes.

A code belongs to whoever asked for it: only with its challenge, or from the same network or known
device, can it be tried, so a stranger can't use up the tries of somebody's code. It has five tries
with the challenge and five without it, since others in the same network don't know the challenge.

The number of codes is limited (`code_limits`). Beyond that nobody is refused, or strangers could
shut the owner out: one longer code is sent in ten minutes, and all who ask meanwhile share it, each
with a challenge and tries of their own. Its length makes tries from thousands of networks useless
(docs/decisions/0023). It is shared once its message is known to be sent: who asks while it is on
its way waits for the result.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from database.base import uuid7
from database.statements import prepared
from models.identity import OneTimeCode
from models.message_text import count_text
from services.core.clock import current_time
from services.core.problems import Problem
from services.core.text import parse_digits, parse_key
from services.identity import code_limits
from services.identity.attempts import AttemptSource
from services.identity.credentials import CredentialSigner

CODE_SECONDS = 300
CODE_DIGITS = 6
MAX_TRIES = 5
SHARED_DIGITS = 10
SHARED_SECONDS = 600
"""How long one shared code is the answer to further requests."""
SHARED_CODE_SECONDS = SHARED_SECONDS + CODE_SECONDS
"""How long a shared code is good, so that the last who asks for it has CODE_SECONDS too."""
SENDING_SECONDS = 20.0
"""From then on a message without a result is lost: a call of the provider ends before, and a
request to us after it. The next who asks has a new code sent."""
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
    expires_in_seconds: int
    code: str | None = None
    is_on_its_way: bool = False
    """Whether the result of the message, which another request sends, is not known yet."""


# In a fixed order, so that two requests with values in common can't deadlock.
LOCK_LIMITS = prepared(
    text(
        "select pg_advisory_xact_lock(hashtextextended(value, 0)) from unnest(:values) as value"
    ).bindparams(bindparam("values", type_=ARRAY(Text)))
)


async def issue_code(
    session: AsyncSession, *, signer: CredentialSigner, phone: str, source: AttemptSource
) -> IssuedCode:
    """Create a code for a phone and store its keyed hash; send the digits, if any, afterwards.

    The result does not depend on whether the number has an account. Raises DomainError:
    RateLimited.
    """
    values = sorted({phone, source.key, source.site} - {""})
    await session.execute(LOCK_LIMITS, {"values": values})
    await code_limits.check_requests(session, phone, source)
    now = await current_time(session)
    row = _request(phone, source, now)
    if await code_limits.shares_a_code(session, phone, source):
        row.digits = SHARED_DIGITS
        row.expires_at = now + timedelta(seconds=SHARED_CODE_SECONDS)
        if (shared := await _shared_code(session, phone, now)) is not None:
            row.joined, row.code_hash = True, shared.code_hash
            row.expires_at = shared.expires_at
            session.add(row)
            left = _seconds_between(now, row.expires_at)
            is_on_its_way = shared.sent_at is None
            return IssuedCode(
                row.id.hex, row.digits, shared.issued_at, left, is_on_its_way=is_on_its_way
            )
    code = f"{secrets.randbelow(10**row.digits):0{row.digits}}"
    row.code_hash = signer.keyed_hash(PURPOSE, phone, code)
    session.add(row)
    return IssuedCode(row.id.hex, row.digits, now, _seconds_between(now, row.expires_at), code)


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
    """The long code that was sent to a phone lately, or is on its way, and has not been used."""
    found: OneTimeCode | None = await session.scalar(
        select(OneTimeCode)
        .where(
            OneTimeCode.phone == phone,
            OneTimeCode.digits == SHARED_DIGITS,
            ~OneTimeCode.joined & ~OneTimeCode.not_sent & OneTimeCode.used_at.is_(None),
            OneTimeCode.issued_at > now - timedelta(seconds=SHARED_SECONDS),
            OneTimeCode.sent_at.is_not(None)
            | (OneTimeCode.issued_at > now - timedelta(seconds=SENDING_SECONDS)),
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
    if newest.expires_at <= (now := await current_time(session)):
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
    tries_left = count_text(left, "more try", "more tries")
    return _wrong(f"That is not the code we sent: {tries_left}.", left)


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


async def seconds_left(session: AsyncSession, challenge: str) -> int | None:
    """For how long the code of a request can be typed; None when it can't any more."""
    code = await session.get(OneTimeCode, UUID(hex=challenge))
    if code is None or code.used_at is not None or code.tries >= MAX_TRIES:
        return None
    return _seconds_between(await current_time(session), code.expires_at) or None


def _seconds_between(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds()))


def _asked_for(source: AttemptSource, challenge: str | None) -> ColumnElement[bool]:
    """The condition that the caller is who asked for a code."""
    if challenge is None:
        return OneTimeCode.source == source.key
    try:
        return OneTimeCode.id == UUID(hex=parse_key(challenge)[:36])
    except ValueError:
        return OneTimeCode.id.is_(None)
