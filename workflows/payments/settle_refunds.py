"""Sends requested refunds to the payment provider, asks about pending ones, applies its answers.

An idempotency key is for repeating a request whose answer was lost, within the hours in which the
provider remembers it; it is never a question about the refund's state.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import (
    PaymentError,
    PaymentGateway,
    PaymentIntent,
    PaymentNotFound,
    PaymentRequestInvalid,
    PaymentUnavailable,
    RefundResult,
    RefundState,
)
from models.payments import Payment, Refund
from services.orders.payment_cover import OPEN_REFUND_STATUSES
from services.payments import refund_results
from workflows.payments.locked_payment import lock_payment

log = logging.getLogger("darkstore.settlement")

# The provider forgets keys after 24 hours at the earliest. A request of which this much time has
# passed is looked up before it is sent again.
LOOKUP_AFTER_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class RefundTask:
    """An open refund and the intent that it refunds."""

    refund: Refund
    intent_id: str
    is_due: bool
    is_old: bool


async def settle(database: Database, payments: PaymentGateway, order_id: UUID) -> bool:
    """Send and ask what is due of an order's refunds; False when something is not settled yet."""
    tasks = await _read_tasks(database, Refund.order_id == order_id)
    due = [await _settle(database, payments, task, scheduled=False) for task in tasks]
    return all(due)


async def settle_refund(database: Database, payments: PaymentGateway, refund_id: UUID) -> bool:
    """Make the scheduled try of one refund; False when it is not settled yet."""
    tasks = await _read_tasks(database, Refund.id == refund_id)
    return all([await _settle(database, payments, task, scheduled=True) for task in tasks])


async def apply_refund_notice(database: Database, result: RefundResult) -> None:
    """Apply what a notice says of a refund that has a row.

    Others are found when their intent is read.
    """
    refund_id = refund_results.refund_id_of(result.key)
    condition = Refund.provider_refund_id == result.id
    if refund_id is not None:
        condition = condition | (Refund.id == refund_id)
    async with database.read(PLATFORM) as session:
        query = select(Refund.order_id, Refund.payment_id).where(condition)
        row = (await session.execute(query)).first()
    if row is not None:
        await apply_results(database, *row, [result])


async def find_unknown(
    database: Database, payments: PaymentGateway, intent: PaymentIntent
) -> Sequence[RefundResult]:
    """All refunds of an intent when the rows here don't explain its refunded amount, else none."""
    async with database.read(PLATFORM) as session:
        if not await refund_results.differs_from_rows(session, intent):
            return ()
    return await payments.list_refunds(intent.id)


async def apply_results(
    database: Database, order_id: UUID, payment_id: UUID, results: Sequence[RefundResult]
) -> None:
    """Store the provider's results of refunds of one payment, in one transaction."""
    async with lock_payment(database, order_id, payment_id) as locked:
        await refund_results.apply_results(locked.session, locked.order, locked.payment, results)


async def _read_tasks(database: Database, condition: Any) -> list[RefundTask]:
    now = func.clock_timestamp()
    query = (
        select(
            Refund,
            Payment.intent_id,
            func.coalesce(Refund.due_at <= now, False),
            Refund.created_at < now - timedelta(seconds=LOOKUP_AFTER_SECONDS),
        )
        .join(Payment, Payment.id == Refund.payment_id)
        .where(condition, Refund.status.in_(OPEN_REFUND_STATUSES))
        .order_by(Refund.id)
    )
    async with database.read(PLATFORM) as session:
        rows = await session.execute(query)
        return [
            RefundTask(refund, intent_id, is_due, is_old)
            for refund, intent_id, is_due, is_old in rows
            if intent_id is not None
        ]


async def _settle(
    database: Database, payments: PaymentGateway, task: RefundTask, *, scheduled: bool
) -> bool:
    if not scheduled and not task.is_due:
        return False
    refund = task.refund
    keys = refund.order_id, refund.payment_id
    try:
        result = await _ask(payments, task)
    except (PaymentUnavailable, PaymentNotFound) as error:
        # What the provider doesn't know may be the key of another account: that decides nothing.
        if scheduled:
            await _record_unavailable(database, task, error)
        return False
    except PaymentError as error:
        log.warning("refund %s is refused: %s", refund.id, error.message)
        async with lock_payment(database, *keys) as locked:
            row = await _lock_refund(locked.session, refund.id)
            await refund_results.fail_refund(
                locked.session, locked.order, locked.payment, row, error.message
            )
        return True
    await apply_results(database, *keys, [result])
    return result.state is not RefundState.PENDING


async def _ask(payments: PaymentGateway, task: RefundTask) -> RefundResult:
    """The refund at the provider: asked by its id, looked up, or requested; raises PaymentError."""
    refund = task.refund
    if refund.provider_refund_id is not None:
        return await payments.retrieve_refund(refund.provider_refund_id)
    if task.is_old and (known := await _look_up(payments, task)):
        return known
    key = refund_results.refund_key(refund.id)
    try:
        return await payments.refund(task.intent_id, refund.amount_minor, key)
    except PaymentRequestInvalid:
        # It may be refused because an earlier request, whose answer was lost, has been fulfilled.
        if known := await _look_up(payments, task):
            return known
        raise


async def _look_up(payments: PaymentGateway, task: RefundTask) -> RefundResult | None:
    key = refund_results.refund_key(task.refund.id)
    listed = await payments.list_refunds(task.intent_id)
    return next((result for result in listed if result.key == key), None)


async def _record_unavailable(database: Database, task: RefundTask, error: PaymentError) -> None:
    refund = task.refund
    async with lock_payment(database, refund.order_id, refund.payment_id) as locked:
        row = await _lock_refund(locked.session, refund.id)
        if row.status in OPEN_REFUND_STATUSES:
            await refund_results.record_unavailable(
                locked.session, locked.order, row, error.message
            )


async def _lock_refund(session: Any, refund_id: UUID) -> Refund:
    row: Refund = await session.get_one(
        Refund, refund_id, with_for_update=True, populate_existing=True
    )
    return row
