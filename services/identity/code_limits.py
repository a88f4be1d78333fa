"""Limits on codes by text message: by the phone, by who asks for them, and by both."""

from datetime import timedelta

from sqlalchemy import ColumnElement, DateTime, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import OneTimeCode
from models.message_text import duration_text
from services.core.address_rate_limit import SITE_FACTOR
from services.core.problems import DomainError, RateLimited
from services.identity.attempts import AttemptSource

WINDOW_SECONDS = 3600
WINDOW = timedelta(seconds=WINDOW_SECONDS)
MAX_CODES_PER_SOURCE = 5
"""Codes for one phone in an hour from a network, IPv6 /48 or known device; then it shares one."""
MAX_CODES_PER_PHONE = 10
"""Codes for one phone in an hour, over all unknown sources; then they share one."""
MAX_REQUESTS_PER_SOURCE = 20
"""Requests for one phone in an hour from a network or a known device, shared codes included."""
MAX_REQUESTS_PER_NETWORK = 30
"""Requests for all phones in an hour from one network; SITE_FACTOR times that from an IPv6 /48."""


async def check_requests(session: AsyncSession, phone: str, source: AttemptSource) -> None:
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
            message = f"Too many codes were asked for. Try again in {duration_text(wait)}."
            problem = RateLimited(path=["input"], message=message, retry_after_seconds=wait)
            raise DomainError(problem)


async def shares_a_code(session: AsyncSession, phone: str, source: AttemptSource) -> bool:
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
