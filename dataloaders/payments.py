"""Batch reads of payments and refunds."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.keys import many_per_key, matches_keys, one_per_key
from models.payments import Dispute, Payment, Refund

CURRENT = prepared(select(Payment).where(matches_keys(Payment.order_id), Payment.is_current))


async def payment_by_order(session: AsyncSession, ids: Sequence[UUID]) -> list[Payment | None]:
    """The current payment attempt of each order."""
    return await one_per_key(session, CURRENT, ids, "order_id")


ATTEMPTS = prepared(select(Payment).where(matches_keys(Payment.order_id)).order_by(Payment.id))


async def payments_by_order(session: AsyncSession, ids: Sequence[UUID]) -> list[list[Payment]]:
    """All payment attempts of each order, the oldest first."""
    return await many_per_key(session, ATTEMPTS, ids, "order_id")


PAYMENT = prepared(select(Payment).where(matches_keys(Payment.id)))


async def payment_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Payment | None]:
    """Payments by key."""
    return await one_per_key(session, PAYMENT, ids)


REFUNDS = prepared(select(Refund).where(matches_keys(Refund.order_id)).order_by(Refund.id))


async def refunds_by_order(session: AsyncSession, ids: Sequence[UUID]) -> list[list[Refund]]:
    """The refunds of each order, the oldest first."""
    return await many_per_key(session, REFUNDS, ids, "order_id")


DISPUTES = prepared(select(Dispute).where(matches_keys(Dispute.payment_id)).order_by(Dispute.id))


async def disputes_by_payment(session: AsyncSession, ids: Sequence[UUID]) -> list[list[Dispute]]:
    """The disputes of each payment, the oldest first."""
    return await many_per_key(session, DISPUTES, ids, "payment_id")
