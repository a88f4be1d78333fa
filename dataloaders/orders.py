"""Batch reads of orders, their lines, progress and events."""

from collections.abc import Sequence, Set
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.batches import trusted_keys
from dataloaders.keys import many_per_key, matches_keys, one_per_key
from models.delivery import Delivery
from models.fulfillment import Fulfillment
from models.orders import AgeCheck, Order, OrderChange, OrderLine, OrderStatus
from models.payments import Payment
from services.orders import timeline
from services.orders.payment_cover import PAID_AND_COMPLETED_LATELY
from services.orders.stages import OrderProgress
from services.orders.timeline import TimelineRow, TimelineSlice

AGE_CHECKS = prepared(select(AgeCheck).where(matches_keys(AgeCheck.order_id)).order_by(AgeCheck.id))
ACTIVE = (OrderStatus.PLACED, OrderStatus.CONFIRMED)
ORDER = prepared(select(Order).where(matches_keys(Order.id)))
LINES = prepared(
    select(OrderLine).where(matches_keys(OrderLine.order_id)).order_by(OrderLine.position)
)
NEWEST = prepared(
    select(Order)
    .where(matches_keys(Order.customer_id), or_(*(Order.status == status for status in ACTIVE)))
    .order_by(Order.customer_id, Order.id.desc())
    .ext(distinct_on(Order.customer_id))
)
PAYMENT = select(Payment.status).where(Payment.order_id == Order.id, Payment.is_current)
FULFILLMENT = (
    select(Fulfillment.status)
    .where(Fulfillment.order_id == Order.id)
    .order_by(Fulfillment.attempt_number.desc(), Fulfillment.id.desc())
    .limit(1)
)
DELIVERY = (
    select(Delivery.status)
    .where(Delivery.order_id == Order.id)
    .order_by(Delivery.id.desc())
    .limit(1)
)
OWNERS = (Order.id, Order.company_id, Order.store_id, Order.customer_id, Order.status)
PROGRESS = prepared(
    select(
        *OWNERS,
        PAYMENT.scalar_subquery(),
        FULFILLMENT.scalar_subquery(),
        DELIVERY.scalar_subquery(),
        Order.cancel_offered_at.is_not(None),
        Order.pending_change_id,
        PAID_AND_COMPLETED_LATELY,
    ).where(matches_keys(Order.id))
)


async def order_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Order | None]:
    """Orders by key, as far as the scope may see them."""
    return await one_per_key(session, ORDER, ids)


async def lines_by_order(
    session: AsyncSession, ids: Sequence[UUID], needed: Set[str] | None = None
) -> list[list[OrderLine]]:
    """The lines of each order in their original sequence, with no more columns than needed."""
    return await many_per_key(session, LINES, ids, "order_id", needed)


async def active_by_customer(session: AsyncSession, ids: Sequence[UUID]) -> list[Order | None]:
    """The newest order of each customer that has not ended."""
    return await one_per_key(session, NEWEST, ids, "customer_id")


async def progress_by_order(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[OrderProgress | None]:
    """The statuses of each order, its payment, fulfillment and delivery, in one statement."""
    rows = await session.execute(PROGRESS, {"keys": [*ids]})
    progress = {row[0]: OrderProgress(*row) for row in rows}
    return [progress.get(key) for key in ids]


async def age_checks_by_order(session: AsyncSession, ids: Sequence[UUID]) -> list[list[AgeCheck]]:
    """The age checks of each order, the oldest first."""
    return await many_per_key(session, AGE_CHECKS, ids, "order_id")


@trusted_keys
async def events_of_slice(
    session: AsyncSession, slices: Sequence[TimelineSlice]
) -> list[list[TimelineRow]]:
    """The events of orders that the caller can see."""
    return await timeline.read_slices(session, slices)


CHANGES = prepared(
    select(OrderChange).where(matches_keys(OrderChange.order_id)).order_by(OrderChange.id)
)


async def changes_by_order(session: AsyncSession, ids: Sequence[UUID]) -> list[list[OrderChange]]:
    """The requested changes of each order, the oldest first."""
    return await many_per_key(session, CHANGES, ids, "order_id")
