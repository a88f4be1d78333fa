"""Refreshes an order's payment on request, at most once a second for each order."""

from math import ceil
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import PaymentGateway
from models.payments import Payment
from services.core import idempotency
from services.core.problems import DomainError, RateLimited
from workflows.payments import settle_payment

ORIGIN = AuditContext("payment.refresh")
REFRESH_SECONDS = 1.0
BACKOFF_REFRESH_SECONDS = 5.0


async def refresh(database: Database, payments: PaymentGateway, order_id: UUID) -> None:
    """Read an order's payment at the provider and store its state.

    While the provider does not answer the schedule, it is asked for callers only once in
    BACKOFF_REFRESH_SECONDS; others get what is stored.
    Raises DomainError: RateLimited more than once in REFRESH_SECONDS for one order, whoever asks.
    """
    async with database.write(PLATFORM, ORIGIN) as session:
        allowed = await idempotency.claim_interval(
            session, ORIGIN.action, str(order_id), REFRESH_SECONDS
        )
        may_look = allowed and await _may_look(session, order_id)
    if not allowed:
        message = "Somebody asked about this payment a moment ago."
        retry_seconds = ceil(REFRESH_SECONDS)
        path = ["input", "orderId"]
        raise DomainError(
            RateLimited(path=path, message=message, retry_after_seconds=retry_seconds)
        )
    if may_look:
        await settle_payment.refresh(database, payments, order_id)


async def _may_look(session: AsyncSession, order_id: UUID) -> bool:
    failing = select(Payment.id).where(Payment.order_id == order_id, Payment.tries > 0)
    if await session.scalar(failing.limit(1)) is None:
        return True
    key = f"{order_id}:backoff"
    return await idempotency.claim_interval(session, ORIGIN.action, key, BACKOFF_REFRESH_SECONDS)
