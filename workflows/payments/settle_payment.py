"""Settles payments: sends what orders request to the provider and applies its answers.

No transaction is open during a call of the provider. Each request carries an idempotency key, so
that two processes that send it, or one that repeats it after a crash, have one effect.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
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
    PaymentIntent,
    PaymentRequestInvalid,
    PaymentUnavailable,
)
from models.orders import Order
from models.payments import Payment, PaymentStatus
from services.checkout import payment_outcomes
from services.core.clock import current_time
from services.orders import order_states
from services.payments import payment_states
from services.payments import payments as payments_services
from workflows.payments import settle_refunds
from workflows.payments.retries import MAX_ATTEMPTS, ORIGIN, retry_delay_seconds

log = logging.getLogger("darkstore.settlement")

MAX_ROUNDS = 3
MAX_OPENING_WAIT_SECONDS = 3.0
OPENING_POLL_SECONDS = 0.05
TransactionStep = Callable[[AsyncSession], Awaitable[None]]


async def settle(
    database: Database, payments: PaymentGateway, order_id: UUID, *, only_requested: bool = False
) -> bool:
    """Send what is requested of the order's payment and refunds to the provider.

    False when the provider can't be reached. With `only_requested` a payment without a request is
    not read at the provider either. Never raises for an answer of the provider: it is stored, or
    the job tries again later.
    """
    payment = await _read_payment(database, order_id)
    for _ in range(MAX_ROUNDS):
        if payment is None or (only_requested and not _has_request(payment)):
            break
        outcome = await _call_provider(database, payments, payment)
        if outcome is None:
            return False
        payment = outcome.payment
        if payment is None or not _has_request(payment):
            break
    if payment is None or payment.status not in payment_states.CAPTURED_STATUSES:
        return True  # without a captured amount there is nothing to refund
    return await settle_refunds.settle(database, payments, order_id)


async def open_payment(
    database: Database, payments: PaymentGateway, payment: Payment
) -> Order | None:
    """Open the payment of a new order at the provider; returns the order after its answer.

    None when the provider can't be reached or rejects the payment. Never raises for its answer.
    """
    outcome = await _call_provider(database, payments, payment)
    return outcome.order if outcome is not None else None


async def wait_until_opened(database: Database, payments: PaymentGateway, order_id: UUID) -> None:
    """Wait until the payment is open at the provider: an equal request is opening it already.

    After MAX_OPENING_WAIT_SECONDS it is opened here too, with the same idempotency key.
    """
    for _ in range(int(MAX_OPENING_WAIT_SECONDS / OPENING_POLL_SECONDS)):
        payment = await _read_payment(database, order_id)
        if payment is None or payment.intent_id is not None or payment.due_at is None:
            return
        await asyncio.sleep(OPENING_POLL_SECONDS)
    await settle(database, payments, order_id)


async def refresh_intent(
    database: Database,
    payments: PaymentGateway,
    intent_id: str,
    in_transaction: TransactionStep | None = None,
) -> Order | None:
    """Read an intent at the provider and apply its state to the order. Raises PaymentError.

    `in_transaction` runs in the same transaction.
    """
    intent = await payments.retrieve(intent_id)
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await payment_outcomes.apply_payment_state(session, intent)
        if in_transaction is not None:
            await in_transaction(session)
        return order


def _has_request(payment: Payment) -> bool:
    return payment.void_wanted or payment.capture_wanted_minor is not None


async def _read_payment(database: Database, order_id: UUID) -> Payment | None:
    async with database.read(PLATFORM) as session:
        payment: Payment | None = await session.scalar(
            select(Payment).where(Payment.order_id == order_id).order_by(Payment.id.desc()).limit(1)
        )
        return payment


@dataclass(frozen=True, slots=True)
class ProviderOutcome:
    """The payment after an answer of the provider, and its order if that was read too."""

    payment: Payment | None
    order: Order | None = None


async def _call_provider(
    database: Database, payments: PaymentGateway, payment: Payment
) -> ProviderOutcome | None:
    """Send one request to the provider and apply its answer; None when it can't be reached."""
    if payment.status in payment_states.FINAL_STATUSES and not _has_request(payment):
        return ProviderOutcome(payment)
    if (
        payment.status is PaymentStatus.FAILED
        and payment.intent_id is None
        and payment.due_at is None
    ):
        return ProviderOutcome(payment)  # rejected for good
    try:
        intent = await _send_request(payments, payment)
    except PaymentUnavailable as error:
        await _schedule_retry(database, payment.order_id, error)
        return None
    except PaymentError as error:
        log.warning("payment %s can't go on: %s", payment.id, error.message)
        await _handle_rejection(database, payment, error)
        return ProviderOutcome(await _read_payment(database, payment.order_id))
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await payment_outcomes.apply_payment_state(session, intent)
        return ProviderOutcome(await session.get(Payment, payment.id), order)


async def _send_request(payments: PaymentGateway, payment: Payment) -> PaymentIntent:
    """The intent after the most urgent request: authorize, void or capture; else as it is."""
    intent_id = payment.intent_id
    if intent_id is None:
        intent = await _authorize(payments, payment)
        if not payment.void_wanted:
            return intent
        intent_id = intent.id
    try:
        if payment.void_wanted and payment.status not in payment_states.CAPTURED_STATUSES:
            return await payments.cancel(intent_id, "abandoned", f"void-{payment.id}")
        if payment.capture_wanted_minor is not None:
            amount_minor = payment.capture_wanted_minor
            return await payments.capture(
                intent_id, amount_minor, f"capture-{payment.id}-{amount_minor}"
            )
    except PaymentRequestInvalid:
        log.info("payment %s had moved on: reading it again", payment.id)
    return await payments.retrieve(intent_id)


async def _authorize(payments: PaymentGateway, payment: Payment) -> PaymentIntent:
    try:
        return await payments.authorize(
            payment_id=payment.id,
            order_id=payment.order_id,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            company_id=payment.company_id,
        )
    except PaymentDeclined as error:
        if error.intent is None:
            raise
        return error.intent


async def _schedule_retry(database: Database, order_id: UUID, error: PaymentError) -> None:
    """Retry after a delay that doubles; after MAX_ATTEMPTS leave the payment to a person."""
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await order_states.lock(session, order_id)
        payment = await payments_services.lock_payment(session, order_id)
        payment.tries += 1
        if payment.tries >= MAX_ATTEMPTS:
            await payments_services.stop_polling(session, order, payment, error.message)
        elif payment.due_at is not None:
            payment.due_at = await current_time(session, retry_delay_seconds(payment.tries))


async def _handle_rejection(database: Database, payment: Payment, error: PaymentError) -> None:
    """End an unpaid order that the provider rejects; leave an authorized one to a person."""
    if payment.status in payment_states.UNPAID_STATUSES:
        async with database.write(PLATFORM, ORIGIN) as session:
            await payment_outcomes.fail_payment(session, payment.order_id, error.message)
        return
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await order_states.lock(session, payment.order_id)
        payment = await payments_services.lock_payment(session, order.id)
        await payments_services.stop_polling(session, order, payment, error.message)
