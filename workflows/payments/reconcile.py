"""Finds what happened at the provider alone: refunds made in its dashboard, and disputes.

Webhooks tell most of it at once; these looks find what was not told.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import (
    DisputeResult,
    PaymentGateway,
    PaymentNotFound,
    PaymentUnavailable,
    RefundResult,
)
from models.payments import Dispute, Payment, Refund, RefundStatus
from services.core.clock import current_time
from services.payments import disputes, refund_results
from services.payments.payment_states import CAPTURED_STATUSES, STATUS_OF_DISPUTE
from workflows.payments import settle_payment
from workflows.payments.locked_payment import lock_payment

WINDOW_SECONDS = 3 * 24 * 3_600
FAILED_STATUSES = frozenset(
    {RefundStatus.FAILED, RefundStatus.RETRIED, RefundStatus.PAID_OTHERWISE}
)


@dataclass
class ProviderNews:
    """What the provider says of one intent and its rows don't."""

    refunds: list[RefundResult] = field(default_factory=list)
    disputes: list[DisputeResult] = field(default_factory=list)


async def find_news(database: Database, payments: PaymentGateway) -> dict[UUID, ProviderNews]:
    """Refunds and disputes of the last three days that differ from the rows, by payment.

    Raises PaymentUnavailable.
    """
    async with database.read(PLATFORM) as session:
        since = await current_time(session, -WINDOW_SECONDS)
    made = await payments.list_recent_refunds(since)
    opened = await payments.list_recent_disputes(since)
    news: dict[str, ProviderNews] = {}
    async with database.read(PLATFORM) as session:
        for refund in await _new_refunds(session, made):
            news.setdefault(refund.intent_id or "", ProviderNews()).refunds.append(refund)
        for dispute in await _new_disputes(session, opened):
            news.setdefault(dispute.intent_id or "", ProviderNews()).disputes.append(dispute)
        rows = await session.execute(
            select(Payment.id, Payment.intent_id).where(Payment.intent_id.in_(news))
        )
        return {payment_id: news[intent_id or ""] for payment_id, intent_id in rows}


async def apply_news(
    database: Database, payments: PaymentGateway, payment_id: UUID, news: ProviderNews
) -> None:
    """Store refunds and disputes of one payment. Raises PaymentError."""
    payment = await _captured(database, payments, payment_id)
    if payment is None:
        return
    async with lock_payment(database, payment.order_id, payment.id) as locked:
        parts = locked.session, locked.order, locked.payment
        await refund_results.apply_results(*parts, news.refunds)
        await disputes.apply_disputes(*parts, news.disputes)


async def refresh_dispute(
    database: Database, payments: PaymentGateway, provider_dispute_id: str
) -> None:
    """Read a dispute at the provider and store it; nothing for one of no payment of ours.

    Raises PaymentUnavailable.
    """
    try:
        result = await payments.retrieve_dispute(provider_dispute_id)
    except PaymentNotFound as error:
        raise PaymentUnavailable(error.message, code=error.code) from error
    async with database.read(PLATFORM) as session:
        query = select(Payment.id).where(Payment.intent_id == result.intent_id)
        payment_id = await session.scalar(query)
    if payment_id is not None:
        await apply_news(database, payments, payment_id, ProviderNews(disputes=[result]))


async def _captured(
    database: Database, payments: PaymentGateway, payment_id: UUID
) -> Payment | None:
    """The payment, read at the provider first when its capture is not known here yet."""
    async with database.read(PLATFORM) as session:
        payment = await session.get(Payment, payment_id)
    if payment is None or payment.status in CAPTURED_STATUSES or payment.intent_id is None:
        return payment
    await settle_payment.refresh_intent(database, payments, payment.intent_id)
    async with database.read(PLATFORM) as session:
        payment = await session.get_one(Payment, payment_id)
        return payment if payment.status in CAPTURED_STATUSES else None


async def _new_refunds(session: AsyncSession, listed: Sequence[RefundResult]) -> list[RefundResult]:
    known = await _statuses(session, Refund.provider_refund_id, Refund.status, listed)

    def is_known(result: RefundResult) -> bool:
        status = refund_results.STATUS_OF_STATE[result.state]
        same = FAILED_STATUSES if status is RefundStatus.FAILED else {status}
        return known.get(result.id) in same

    return [result for result in listed if not is_known(result)]


async def _new_disputes(
    session: AsyncSession, listed: Sequence[DisputeResult]
) -> list[DisputeResult]:
    known = await _statuses(session, Dispute.provider_dispute_id, Dispute.status, listed)
    return [one for one in listed if known.get(one.id) is not STATUS_OF_DISPUTE[one.state]]


async def _statuses(
    session: AsyncSession, key: Any, status: Any, listed: Sequence[Any]
) -> dict[str, Any]:
    """The statuses of rows by the provider's ids."""
    ids = [each.id for each in listed]
    return dict((await session.execute(select(key, status).where(key.in_(ids)))).all())
