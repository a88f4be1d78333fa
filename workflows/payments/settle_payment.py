"""Carries out at the payment provider what orders want, and stores what it answers.

No transaction is open while the provider is asked. Each question carries a key of its own, so that
two processes that ask at once, or one that asks again after a crash, have one effect.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database, Origin
from gateways.payments import (
    Intent,
    PaymentFault,
    PaymentInvalid,
    PaymentRefused,
    Payments,
    PaymentUnavailable,
    PaymentUnknown,
    RefundResult,
    RefundState,
)
from models.orders import Order
from models.payments import Payment, PaymentStatus, Refund, RefundStatus
from services import checkout
from services.core.clock import moment
from services.orders import orders
from services.payments import payments as payments_services
from services.payments import refunds

log = logging.getLogger("darkstore.settlement")

ORIGIN = Origin("settlement")
TRIES = 24
BACK_OFF_SECONDS = 900.0
ROUNDS = 3
WAIT_SECONDS = 3.0
LOOK_SECONDS = 0.05
Also = Callable[[AsyncSession], Awaitable[None]]


async def settle(
    database: Database, payments: Payments, order_id: UUID, *, only_wanted: bool = False
) -> bool:
    """Do now what the order's payment and refunds want; False when the provider can't be reached.

    With `only_wanted` a payment that wants nothing isn't looked at either. Never raises for what
    the provider says: that is stored, or tried again later by the job.
    """
    row = await _payment(database, order_id)
    for _ in range(ROUNDS):
        if row is None or (only_wanted and not _wants(row)):
            break
        asked = await _ask(database, payments, row)
        if asked is None:
            return False
        row = asked.payment
        if row is None or not _wants(row):
            break
    if row is None or row.status not in payments_services.TAKEN:
        return True  # nothing was taken, so nothing can be given back
    return await _refund_all(database, payments, order_id)


async def begin(database: Database, payments: Payments, row: Payment) -> Order | None:
    """Open the payment of an order that was just placed; the order as it stands then.

    None when the provider couldn't be asked or will not have it. Never raises for what it says.
    """
    asked = await _ask(database, payments, row)
    return asked.order if asked is not None else None


async def opened(database: Database, payments: Payments, order_id: UUID) -> None:
    """Wait until the order's payment is known to the provider: an equal request is asking already.

    After WAIT_SECONDS it is asked here too, with the same key.
    """
    for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
        found = await _payment(database, order_id)
        if found is None or found.intent_id is not None or found.due_at is None:
            return
        await asyncio.sleep(LOOK_SECONDS)
    await settle(database, payments, order_id)


async def look(
    database: Database, payments: Payments, intent_id: str, also: Also | None = None
) -> Order | None:
    """Read an intent afresh and bring its order to where it stands; raises PaymentFault.

    `also` is done in the same unit of work.
    """
    intent = await payments.retrieve(intent_id)
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await checkout.converge(session, intent)
        if also is not None:
            await also(session)
        return order


async def heard_refund(database: Database, result: RefundResult) -> None:
    """Store what a notice says of a refund that we asked for; others count by their intent."""
    refund_id = _refund_id(result.key)
    if refund_id is None:
        return
    async with database.write(PLATFORM, ORIGIN) as session:
        order_id = await session.scalar(select(Refund.order_id).where(Refund.id == refund_id))
        if order_id is not None:
            await _hear_refund(session, order_id, refund_id, result)


def _wants(row: Payment) -> bool:
    return row.void_wanted or row.capture_wanted_minor is not None


async def _payment(database: Database, order_id: UUID) -> Payment | None:
    async with database.read(PLATFORM) as session:
        found: Payment | None = await session.scalar(
            select(Payment).where(Payment.order_id == order_id).order_by(Payment.id.desc()).limit(1)
        )
        return found


@dataclass(frozen=True, slots=True)
class Asked:
    """The payment after an answer of the provider's, and its order where that was read too."""

    payment: Payment | None
    order: Order | None = None


async def _ask(database: Database, payments: Payments, row: Payment) -> Asked | None:
    """One question to the provider and how things stand after its answer; None when not reached."""
    if row.status in payments_services.FINAL and not _wants(row):
        return Asked(row)
    if row.status is PaymentStatus.FAILED and row.intent_id is None and row.due_at is None:
        return Asked(row)  # never to be asked again
    try:
        intent = await _answer(payments, row)
    except PaymentUnavailable as fault:
        await _later(database, row.order_id, fault)
        return None
    except PaymentFault as fault:
        log.warning("payment %s can't go on: %s", row.id, fault.message)
        await _never(database, row, fault)
        return Asked(await _payment(database, row.order_id))
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await checkout.converge(session, intent)
        return Asked(await session.get(Payment, row.id), order)


async def _answer(payments: Payments, row: Payment) -> Intent:
    """What the provider says to what is wanted most: an intent, a void, a capture, or a look."""
    intent_id = row.intent_id
    if intent_id is None:
        intent = await _authorize(payments, row)
        if not row.void_wanted:
            return intent
        intent_id = intent.id
    try:
        if row.void_wanted and row.status not in payments_services.TAKEN:
            return await payments.cancel(intent_id, "abandoned", f"void-{row.id}")
        if row.capture_wanted_minor is not None:
            amount = row.capture_wanted_minor
            return await payments.capture(intent_id, amount, f"capture-{row.id}-{amount}")
    except PaymentInvalid:
        log.info("payment %s had moved on: reading it again", row.id)
    return await payments.retrieve(intent_id)


async def _authorize(payments: Payments, row: Payment) -> Intent:
    try:
        return await payments.authorize(
            payment_id=row.id,
            order_id=row.order_id,
            amount_minor=row.amount_minor,
            currency=row.currency,
            company_id=row.company_id,
        )
    except PaymentRefused as refused:
        if refused.intent is None:
            raise
        return refused.intent


async def _later(database: Database, order_id: UUID, fault: PaymentFault) -> None:
    """Ask again after a pause that doubles; after too many, leave it to a person."""
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await orders.lock(session, order_id)
        row = await payments_services.lock(session, order_id)
        row.tries += 1
        if row.tries >= TRIES:
            await payments_services.give_up(session, order, row, fault.message)
        elif row.due_at is not None:
            row.due_at = await moment(session, pause_seconds(row.tries))


async def _never(database: Database, row: Payment, fault: PaymentFault) -> None:
    """The provider will not have it: an unpaid order ends, a held one needs a person."""
    if row.status in payments_services.UNPAID:
        async with database.write(PLATFORM, ORIGIN) as session:
            await checkout.fail(session, row.order_id, fault.message)
        return
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await orders.lock(session, row.order_id)
        await payments_services.give_up(
            session, order, await payments_services.lock(session, order.id), fault.message
        )


def pause_seconds(tries: int) -> float:
    """The pause before the next try: one second, doubled each time, up to a quarter of an hour."""
    return float(min(BACK_OFF_SECONDS, 2.0 ** min(tries - 1, 30)))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A refund to be asked for, and of which intent."""

    refund: Refund
    intent_id: str


async def _refund_all(database: Database, payments: Payments, order_id: UUID) -> bool:
    async with database.read(PLATFORM) as session:
        rows = await session.execute(
            select(Refund, Payment.intent_id)
            .join(Payment, Payment.id == Refund.payment_id)
            .where(Refund.order_id == order_id, Refund.status == RefundStatus.REQUESTED)
            .order_by(Refund.id)
        )
        wanted = [Wanted(refund, intent_id) for refund, intent_id in rows if intent_id]
    done = [await _refund(database, payments, one) for one in wanted]
    return all(done)


async def _refund(database: Database, payments: Payments, wanted: Wanted) -> bool:
    row = wanted.refund
    try:
        result = await payments.refund(wanted.intent_id, row.amount_minor, refund_key(row.id))
    except PaymentUnavailable as fault:
        await _refund_later(database, row, fault)
        return False
    except (PaymentInvalid, PaymentUnknown, PaymentRefused) as fault:
        await _refund_never(database, row, fault.message)
        return True
    async with database.write(PLATFORM, ORIGIN) as session:
        await _hear_refund(session, row.order_id, row.id, result)
    return result.state is not RefundState.PENDING


async def _hear_refund(
    session: AsyncSession, order_id: UUID, refund_id: UUID, result: RefundResult
) -> None:
    order = await orders.lock(session, order_id)
    row = await payments_services.lock(session, order_id)
    await refunds.hear(session, order, row, refund_id, result)


async def _refund_later(database: Database, row: Refund, fault: PaymentFault) -> None:
    given_up = False
    async with database.write(PLATFORM, ORIGIN) as session:
        await orders.lock(session, row.order_id)
        found = await session.get(Refund, row.id, with_for_update=True)
        if found is not None and found.status is RefundStatus.REQUESTED:
            found.tries += 1
            found.failure_message = fault.message
            found.due_at = await moment(session, pause_seconds(found.tries))
            given_up = found.tries >= TRIES
    if given_up:
        await _refund_never(database, row, fault.message)


async def _refund_never(database: Database, row: Refund, message: str) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        order = await orders.lock(session, row.order_id)
        paid = await payments_services.lock(session, row.order_id)
        found = await session.get(Refund, row.id, with_for_update=True, populate_existing=True)
        if found is not None and found.status is RefundStatus.REQUESTED:
            await refunds.end(session, order, paid, found, RefundStatus.FAILED, message)


def refund_key(refund_id: UUID) -> str:
    """The key a refund is asked for with, and recognized by when the provider tells of it."""
    return f"refund-{refund_id}"


def _refund_id(key: str | None) -> UUID | None:
    try:
        return UUID((key or "").removeprefix("refund-"))
    except ValueError:
        return None
