"""Settles payments: sends what orders request to the provider and applies its answers.

No transaction is open during a call of the provider. Each request carries an idempotency key, so
that two processes that send it, or one that repeats it after a crash, have one effect.

Requests are sent by the schedule (`jobs.payments`) and right after the commit that makes them. Only
the schedule counts what the provider does not answer or refuses. What callers trigger (`refresh`,
webhooks) reads the payment and leaves the schedule alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import (
    PaymentDeclined,
    PaymentError,
    PaymentGateway,
    PaymentIntent,
    PaymentNotFound,
    PaymentRequestInvalid,
    PaymentUnavailable,
)
from models.orders import Order
from models.payments import Payment
from services.checkout import payment_outcomes
from services.payments import provider_reports
from services.payments.payment_states import CAPTURED_STATUSES, FINAL_STATUSES, was_rejected
from services.payments.provider_reports import has_request
from workflows.payments import settle_refunds
from workflows.payments.locked_payment import ORIGIN, lock_payment

log = logging.getLogger("darkstore.settlement")

MAX_ROUNDS = 3
MAX_OPENING_WAIT_SECONDS = 3.0
OPENING_POLL_SECONDS = 0.05
# An intent is opened by its key; what was not opened in this time is given up, as the provider
# forgets keys after 24 hours.
MAX_OPENING_SECONDS = 20 * 3_600
TransactionStep = Callable[[AsyncSession], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PaymentTask:
    """A payment to settle. `may_send` allows requests; only `scheduled` tries are counted."""

    payment: Payment
    is_old: bool = False
    scheduled: bool = False
    may_send: bool = False

    def is_idle(self, *, only_requested: bool) -> bool:
        """Whether there is nothing to ask the provider."""
        payment = self.payment
        if payment.intent_id is None:
            return was_rejected(payment) or payment.status in FINAL_STATUSES
        if has_request(payment):
            return only_requested and not self.may_send
        return only_requested or (payment.status in FINAL_STATUSES and not self.scheduled)


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """The intent after a call; `refusal` is why the provider did not do what was requested."""

    intent: PaymentIntent
    refusal: str | None = None


async def settle(
    database: Database, payments: PaymentGateway, order_id: UUID, *, only_requested: bool = False
) -> bool:
    """Send what is due of an order's payments and refunds to the provider.

    False when the provider can't be reached. With `only_requested` a payment without a request is
    not read at the provider either. Never raises for an answer of the provider: it is stored, or
    the job tries again later.
    """
    answered, captured = True, False
    for payment in await _payments_of(database, order_id):
        settled = await _settle_rounds(
            database, payments, payment.id, only_requested=only_requested
        )
        answered = answered and settled is not None
        captured = captured or (settled or payment).status in CAPTURED_STATUSES
    if not captured:
        return answered  # without a captured amount there is nothing to refund
    return await settle_refunds.settle(database, payments, order_id) and answered


async def settle_payment(database: Database, payments: PaymentGateway, payment_id: UUID) -> bool:
    """Make the scheduled try of one payment; False when the provider did not answer."""
    return await _settle_rounds(database, payments, payment_id, scheduled=True) is not None


async def ask_about(database: Database, payments: PaymentGateway, payment_id: UUID) -> bool:
    """Ask the provider for the present state of one payment; False when it did not answer."""
    return await _settle_rounds(database, payments, payment_id) is not None


async def refresh(database: Database, payments: PaymentGateway, order_id: UUID) -> None:
    """Read an order's payments at the provider because somebody asks; opens an unopened one.

    Sends no other request, counts nothing, and leaves the schedule as it is.
    """
    for payment in await _payments_of(database, order_id):
        task = PaymentTask(payment)
        if not task.is_idle(only_requested=False) and not _voids_unopened(payment):
            await _call_provider(database, payments, task)


async def open_payment(
    database: Database, payments: PaymentGateway, payment: Payment
) -> Order | None:
    """Open the payment of a new order at the provider; returns the order after its answer.

    None when the provider can't be reached or rejects the payment. Never raises for its answer.
    """
    outcome = await _call_provider(database, payments, PaymentTask(payment))
    return outcome.order if outcome is not None else None


async def wait_until_opened(database: Database, payments: PaymentGateway, order_id: UUID) -> None:
    """Wait until the payment is open at the provider: an equal request is opening it already.

    After MAX_OPENING_WAIT_SECONDS it is opened here too, with the same idempotency key.
    """
    for _ in range(int(MAX_OPENING_WAIT_SECONDS / OPENING_POLL_SECONDS)):
        found = await _payments_of(database, order_id)
        if all(each.intent_id is not None or each.due_at is None for each in found):
            return
        await asyncio.sleep(OPENING_POLL_SECONDS)
    await refresh(database, payments, order_id)


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
    refunds = await settle_refunds.find_unknown(database, payments, intent)
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await payment_outcomes.apply_payment_state(session, intent, refunds)
        if in_transaction is not None:
            await in_transaction(session)
        return order


@dataclass(frozen=True, slots=True)
class ProviderOutcome:
    """The payment after an answer of the provider, and its order if that was read too."""

    payment: Payment | None
    order: Order | None = None


async def _settle_rounds(
    database: Database,
    payments: PaymentGateway,
    payment_id: UUID,
    *,
    scheduled: bool = False,
    only_requested: bool = False,
) -> Payment | None:
    """Call the provider until nothing is requested; the payment, None without an answer."""
    payment = None
    for done in range(MAX_ROUNDS):
        task = await _read_task(database, payment_id, scheduled=scheduled, is_first=done == 0)
        if task.is_idle(only_requested=only_requested) or (done and not task.may_send):
            return task.payment
        if task.is_old and _voids_unopened(task.payment):
            async with database.write(PLATFORM, ORIGIN) as session:
                await payment_outcomes.close_unopened_payment(session, task.payment)
            continue
        outcome = await _call_provider(database, payments, task)
        if outcome is None:
            return None
        payment = outcome.payment or task.payment
        if not has_request(payment):
            return payment
    return payment


async def _call_provider(
    database: Database, payments: PaymentGateway, task: PaymentTask
) -> ProviderOutcome | None:
    """Make one call and apply its answer; None when the provider does not answer."""
    payment = task.payment
    try:
        answer = await _ask(payments, task)
        refunds = await settle_refunds.find_unknown(database, payments, answer.intent)
    except (PaymentUnavailable, PaymentNotFound) as error:
        # What the provider doesn't know may be the key of another account: that decides nothing.
        if task.scheduled:
            async with lock_payment(database, payment.order_id, payment.id) as locked:
                await provider_reports.record_unavailable(
                    locked.session, locked.order, locked.payment, error.message
                )
        return None
    except PaymentError as error:
        log.warning("payment %s is rejected: %s", payment.id, error.message)
        async with database.write(PLATFORM, ORIGIN) as session:
            await payment_outcomes.fail_payment(session, payment, error.message)
        return ProviderOutcome(payment)
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await payment_outcomes.apply_payment_state(session, answer.intent, refunds)
        changed = await session.get(Payment, payment.id)
        if answer.refusal and task.scheduled and order is not None and changed is not None:
            await payment_outcomes.apply_refusal(session, order, changed, answer.refusal)
        return ProviderOutcome(changed, order)


async def _ask(payments: PaymentGateway, task: PaymentTask) -> ProviderAnswer:
    """The intent after the most urgent request: open, void or capture; else as it is."""
    payment, intent_id = task.payment, task.payment.intent_id
    if intent_id is None:
        intent = await _authorize(payments, payment)
        if not (payment.void_wanted and task.may_send):
            return ProviderAnswer(intent)
        intent_id = intent.id
    try:
        if task.may_send and has_request(payment):
            return ProviderAnswer(await _send_request(payments, payment, intent_id))
    except (PaymentRequestInvalid, PaymentDeclined) as error:
        log.info("payment %s is refused: %s", payment.id, error.message)
        return ProviderAnswer(await payments.retrieve(intent_id), error.message)
    return ProviderAnswer(await payments.retrieve(intent_id))


async def _send_request(
    payments: PaymentGateway, payment: Payment, intent_id: str
) -> PaymentIntent:
    """Void or capture; the key of a repeated request changes with each refusal.

    With the same key the provider would repeat the refusal for a day. That an intent is captured or
    canceled only once is ensured by the intent's state, not by the key.
    """
    attempt = f"-{payment.refusals}" if payment.refusals else ""
    amount_minor = payment.capture_wanted_minor
    if payment.void_wanted or amount_minor is None:
        return await payments.cancel(intent_id, "abandoned", f"void-{payment.id}{attempt}")
    key = f"capture-{payment.id}-{amount_minor}{attempt}"
    return await payments.capture(intent_id, amount_minor, key)


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


def _voids_unopened(payment: Payment) -> bool:
    return payment.intent_id is None and payment.void_wanted


async def _payments_of(database: Database, order_id: UUID) -> list[Payment]:
    async with database.read(PLATFORM) as session:
        query = select(Payment).where(Payment.order_id == order_id).order_by(Payment.id)
        return list(await session.scalars(query))


async def _read_task(
    database: Database, payment_id: UUID, *, scheduled: bool, is_first: bool
) -> PaymentTask:
    """The payment and what may be done with it; the job's own lease is no reason to wait."""
    now = func.clock_timestamp()
    query = select(
        Payment,
        func.coalesce(Payment.due_at <= now, False),
        Payment.created_at < now - timedelta(seconds=MAX_OPENING_SECONDS),
    ).where(Payment.id == payment_id)
    async with database.read(PLATFORM) as session:
        payment, is_due, is_old = (await session.execute(query)).one()
        return PaymentTask(payment, is_old, scheduled, may_send=is_due or (scheduled and is_first))
