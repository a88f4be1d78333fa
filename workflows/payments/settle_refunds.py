"""Sends requested refunds to the payment provider and applies its results."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import (
    PaymentDeclined,
    PaymentError,
    PaymentGateway,
    PaymentNotFound,
    PaymentRequestInvalid,
    PaymentUnavailable,
    RefundResult,
    RefundState,
)
from models.payments import Payment, Refund, RefundStatus
from services.core.clock import current_time
from services.orders import order_states
from services.payments import payments as payments_services
from services.payments import refunds
from workflows.payments.retries import MAX_ATTEMPTS, ORIGIN, retry_delay_seconds


async def apply_refund_notice(database: Database, result: RefundResult) -> None:
    """Apply what a notice says of a refund that was requested here.

    Refunds made elsewhere are read with their intent.
    """
    refund_id = _refund_id(result.key)
    if refund_id is None:
        return
    async with database.write(PLATFORM, ORIGIN) as session:
        order_id = await session.scalar(select(Refund.order_id).where(Refund.id == refund_id))
        if order_id is not None:
            await _apply_result(session, order_id, refund_id, result)


@dataclass(frozen=True, slots=True)
class RequestedRefund:
    """A refund to request, and the intent that it refunds."""

    refund: Refund
    intent_id: str


async def settle(database: Database, payments: PaymentGateway, order_id: UUID) -> bool:
    """Send the requested refunds of an order.

    False when one is pending or the provider can't be reached.
    """
    async with database.read(PLATFORM) as session:
        rows = await session.execute(
            select(Refund, Payment.intent_id)
            .join(Payment, Payment.id == Refund.payment_id)
            .where(Refund.order_id == order_id, Refund.status == RefundStatus.REQUESTED)
            .order_by(Refund.id)
        )
        requested = [RequestedRefund(refund, intent_id) for refund, intent_id in rows if intent_id]
    results = [await _refund(database, payments, refund) for refund in requested]
    return all(results)


async def _refund(database: Database, payments: PaymentGateway, requested: RequestedRefund) -> bool:
    refund = requested.refund
    try:
        result = await payments.refund(
            requested.intent_id, refund.amount_minor, refund_key(refund.id)
        )
    except PaymentUnavailable as error:
        await _schedule_refund_retry(database, refund, error)
        return False
    except (PaymentRequestInvalid, PaymentNotFound, PaymentDeclined) as error:
        await _fail_refund(database, refund, error.message)
        return True
    async with database.write(PLATFORM, ORIGIN) as session:
        await _apply_result(session, refund.order_id, refund.id, result)
    return result.state is not RefundState.PENDING


async def _apply_result(
    session: AsyncSession, order_id: UUID, refund_id: UUID, result: RefundResult
) -> None:
    order = await order_states.lock(session, order_id)
    payment = await payments_services.lock_payment(session, order_id)
    await refunds.apply_refund_result(session, order, payment, refund_id, result)


async def _schedule_refund_retry(database: Database, refund: Refund, error: PaymentError) -> None:
    exhausted = False
    async with database.write(PLATFORM, ORIGIN) as session:
        await order_states.lock(session, refund.order_id)
        locked = await session.get(Refund, refund.id, with_for_update=True)
        if locked is not None and locked.status is RefundStatus.REQUESTED:
            locked.tries += 1
            locked.failure_message = error.message
            locked.due_at = await current_time(session, retry_delay_seconds(locked.tries))
            exhausted = locked.tries >= MAX_ATTEMPTS
    if exhausted:
        await _fail_refund(database, refund, error.message)


async def _fail_refund(database: Database, refund: Refund, message: str) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await order_states.lock(session, refund.order_id)
        payment = await payments_services.lock_payment(session, refund.order_id)
        locked = await session.get(Refund, refund.id, with_for_update=True, populate_existing=True)
        if locked is not None and locked.status is RefundStatus.REQUESTED:
            await refunds.finish_refund(
                session, order, payment, locked, RefundStatus.FAILED, message
            )


def refund_key(refund_id: UUID) -> str:
    """The idempotency key of a refund; it identifies the refund in notices of the provider."""
    return f"refund-{refund_id}"


def _refund_id(key: str | None) -> UUID | None:
    try:
        return UUID((key or "").removeprefix("refund-"))
    except ValueError:
        return None
