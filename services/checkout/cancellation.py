"""Cancels orders: for their customer, for support, and for causes that end an order by itself."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.companies import Company
from models.identity import Actor
from models.orders import Order, OrderAction, OrderCancelReason, OrderStatus
from services.core.clock import current_time
from services.core.text import parse_line
from services.delivery import deliveries
from services.fulfillment import fulfillments
from services.orders import cancellation_rules, order_states
from services.orders.stages import OrderProgress
from services.payments import payments
from services.stock import reservations

MAX_NOTE_LENGTH = 500


async def cancel_order(
    session: AsyncSession,
    *,
    actor: Actor,
    order_id: UUID,
    reason: OrderCancelReason,
    note: str = "",
    expected_fee_minor: int | None = None,
) -> Order:
    """Cancel an order: end picking and delivery, restock the units, void or refund the payment.

    Customers can cancel until the order is packed, or later when no rider is found for long;
    support until it has left the store. Who may cancel why and for which fee stands in
    `cancellation_rules`. Raises DomainError: NotFound (also for other people's orders),
    InvalidTransition, InvalidInput, CancelReasonNotAllowed, CancellationFeeChanged.
    """
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    order = await order_states.begin(session, actor, order_id, OrderAction.CANCEL)
    progress = await order_states.read_progress(session, order)
    terms = await read_terms(session, order, progress, actor)
    if terms is not None:
        cancellation_rules.check_reason(terms, reason)
        cancellation_rules.check_fee(terms, expected_fee_minor)
        order.cancellation_fee_minor = terms.fee_minor
    await cancel_for_cause(session, order, reason, note, actor_id=actor.person_id)
    return order


async def read_terms(
    session: AsyncSession, order: Order, progress: OrderProgress, actor: Actor
) -> cancellation_rules.CancellationTerms | None:
    """The reasons and the fee for `actor` to cancel an order now; None when they cannot."""
    company = await session.get_one(Company, order.company_id)
    now = await current_time(session)
    return cancellation_rules.cancellation_terms(order, progress, actor, company, now)


async def cancel_for_cause(
    session: AsyncSession,
    order: Order,
    reason: OrderCancelReason,
    note: str = "",
    *,
    actor_id: UUID | None = None,
) -> None:
    """Cancel a locked order whose bags have not left the store; without an actor by the system.

    The order's cancellation fee is captured, the rest of its authorization released. Raises
    DomainError: InvalidTransition once a rider has the bags.
    """
    if order.status is OrderStatus.PLACED:
        await reservations.release(session, [order.id])
    else:
        await fulfillments.cancel_for_order(session, order, actor_id)
        await deliveries.cancel_for_order(session, order)
    await payments.request_void(session, order, keep_minor=order.cancellation_fee_minor)
    await order_states.mark_canceled(session, order, reason, note)
