"""An order from placing to confirmation or its early end: what payment decides, and calling it off.

Every verb locks the order first and is safe to repeat, so webhooks, polls and jobs may race.
"""

from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from gateways.payments import Intent
from models.delivery import Delivery
from models.fulfillment import Fulfillment
from models.identity import Actor
from models.orders import CancelReason, Order, OrderAction, OrderLine, OrderStatus
from models.payments import Payment, PaymentStatus, Refund, RefundReason
from models.stock import StockReason
from services.core.clock import moment
from services.core.problems import IllegalStep, Refused, not_found
from services.core.text import line
from services.delivery import deliveries
from services.fulfillment import fulfillments
from services.orders import orders
from services.orders.stages import SUPPORT_ROLES, Progress, actions, concerns, stage
from services.payments import payments
from services.stock import movements, reservations

NOTE_LENGTH = 500
CALLED_OFF = frozenset({OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.PAYMENT_FAILED})
# The customer is at it: their bank asks them, or a card was declined and another one may follow.
TRYING = frozenset({PaymentStatus.ACTION_REQUIRED, PaymentStatus.FAILED})
PAY_AGAIN_SECONDS = 180
HELD_OR_TAKEN = payments.TAKEN | {PaymentStatus.AUTHORIZED}
# The order that an intent pays, locked before anything else that belongs to it.
PAID_BY = kept(
    select(Order)
    .where(
        Order.id
        == select(Payment.order_id)
        .where(
            or_(
                Payment.intent_id == bindparam("intent"),
                and_(Payment.id == bindparam("payment", type_=Uuid), Payment.intent_id.is_(None)),
            )
        )
        .limit(1)
        .scalar_subquery()
    )
    .with_for_update(of=Order)
    .execution_options(populate_existing=True)
)


async def converge(session: AsyncSession, intent: Intent) -> Order | None:
    """Bring the order to where its payment stands; None for an intent that is none of ours.

    Idempotent and monotone: equal, late and reordered answers of the provider are safe.
    """
    order = await session.scalar(PAID_BY, {"intent": intent.id, "payment": intent.payment_id})
    if order is None:
        return None
    row = await payments.lock(session, order.id)
    if row.intent_id not in (None, intent.id):
        return None
    changed = await payments.hear(session, order, row, intent)
    if changed and row.status in TRYING:
        await reservations.extend(session, order, PAY_AGAIN_SECONDS)
    if row.status in HELD_OR_TAKEN:
        await _paid(session, order, row)
    elif row.status in payments.FINAL and order.status is OrderStatus.PLACED:
        await orders.mark_payment_failed(session, order, "The payment was canceled.")
    return order


async def _paid(session: AsyncSession, order: Order, row: Payment) -> None:
    """Confirm an order that waits for it; let the money go when the order is off by now."""
    if order.status is OrderStatus.PLACED:
        await _confirm(session, order)
    elif order.status in CALLED_OFF and row.status is PaymentStatus.AUTHORIZED:
        await payments.want_void(session, order)


async def _confirm(session: AsyncSession, order: Order) -> None:
    """Sell what is held, in the transaction that confirms the order and queues it at its store."""
    if not await reservations.claim(session, [order]):
        # The hold is gone though the order is not: only a sweep gone wrong leads here.
        wanted = await _units(session, order)
        where, who = (order.store_id, order.company_id), order.customer_id
        if await movements.take(session, *where, wanted, StockReason.SALE, str(order.id), who):
            await payments.want_void(session, order)
            await orders.mark_canceled(session, order, CancelReason.OUT_OF_STOCK)
            return
    await orders.mark_confirmed(session, order)
    await session.flush()
    await fulfillments.open(session, order, order.store_id)


async def _units(session: AsyncSession, order: Order) -> dict[UUID, int]:
    rows = await session.execute(
        select(OrderLine.product_id, OrderLine.quantity).where(OrderLine.order_id == order.id)
    )
    return dict(rows.all())


async def cancel_order(
    session: AsyncSession, *, actor: Actor, order_id: UUID, reason: CancelReason, note: str = ""
) -> Order:
    """Call an order off: work and ride end, units and money go back.

    The customer may until it is packed, support until it has left the store. Refused with
    IllegalStep beyond that, and as not found for an order that is neither's.
    """
    note = line(note, "input", "note", most=NOTE_LENGTH)
    order = await orders.lock(session, order_id)
    await _allowed(session, actor, order, OrderAction.CANCEL)
    if order.status is OrderStatus.PLACED:
        await reservations.release(session, [order.id])
    else:
        await fulfillments.cancel_for(session, order, actor.person_id)
        await deliveries.cancel_for(session, order)
    await payments.want_void(session, order)
    await orders.mark_canceled(session, order, reason, note)
    return order


async def refund(
    session: AsyncSession,
    *,
    actor: Actor,
    order_id: UUID,
    amount_minor: int,
    reason: RefundReason,
    note: str = "",
) -> Refund:
    """Have support send money of an order back; refused with ExceedsCaptured beyond the rest."""
    order = await orders.lock(session, order_id)
    if not actor.works_at(order.company_id, order.store_id, SUPPORT_ROLES):
        raise not_found(Order, "orderId")
    await _allowed(session, actor, order, OrderAction.REFUND, unless=payments.TAKEN)
    return await payments.request_refund(
        session, order, amount_minor, reason, note, None, actor.person_id
    )


async def expire(session: AsyncSession, order_id: UUID) -> bool:
    """End an order that nobody paid in time; False when it has moved on or has time left.

    One whose customer is being asked by their bank has a little more, as long as there is any.
    """
    order = await orders.lock(session, order_id)
    now = await moment(session)
    if order.status is not OrderStatus.PLACED or order.due_at is None or order.due_at > now:
        return False
    row = await payments.lock(session, order.id)
    asked = row.status is PaymentStatus.ACTION_REQUIRED
    if asked and await reservations.extend(session, order, PAY_AGAIN_SECONDS):
        return False
    await orders.mark_expired(session, order)
    await payments.want_void(session, order)
    return True


async def fail(session: AsyncSession, order_id: UUID, message: str) -> None:
    """End an order whose payment the provider will never take."""
    order = await orders.lock(session, order_id)
    row = await payments.lock(session, order.id)
    if row.status in payments.UNPAID:
        row.status, row.due_at, row.void_wanted = PaymentStatus.FAILED, None, False
        row.failure_message = message
        row.version += 1
    if order.status is OrderStatus.PLACED:
        await orders.mark_payment_failed(session, order, message)


async def progress(session: AsyncSession, order: Order) -> Progress:
    """Where the order stands as a whole."""
    row = (
        await session.execute(
            select(
                select(Payment.status)
                .where(Payment.order_id == order.id)
                .order_by(Payment.id.desc())
                .limit(1)
                .scalar_subquery(),
                select(Fulfillment.status)
                .where(Fulfillment.order_id == order.id)
                .order_by(Fulfillment.attempt.desc(), Fulfillment.id.desc())
                .limit(1)
                .scalar_subquery(),
                select(Delivery.status)
                .where(Delivery.order_id == order.id)
                .order_by(Delivery.id.desc())
                .limit(1)
                .scalar_subquery(),
            )
        )
    ).one()
    whose = (order.id, order.company_id, order.store_id, order.customer_id)
    return Progress(*whose, order.status, *row)


async def _allowed(
    session: AsyncSession,
    actor: Actor,
    order: Order,
    action: OrderAction,
    unless: frozenset[PaymentStatus] = frozenset(),
) -> None:
    now = await progress(session, order)
    if not concerns(actor, now):
        raise not_found(Order, "orderId")
    legal = actions(actor, now)
    if action not in legal and now.payment not in unless:
        message = f"{action} is not possible while the order is {stage(now)}."
        raise Refused(
            IllegalStep(path=["input"], message=message, state=stage(now), legal=[*legal])
        )
