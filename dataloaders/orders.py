"""Batch reads of orders, their lines and where they stand."""

from collections.abc import Sequence, Set
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from dataloaders import vouched
from dataloaders.keys import asked, many_each, one_each
from models.delivery import Delivery
from models.fulfillment import Fulfillment
from models.orders import Order, OrderLine, OrderStatus
from models.payments import Payment
from services.orders import timeline
from services.orders.stages import Progress
from services.orders.timeline import Slice, Told

ACTIVE = (OrderStatus.PLACED, OrderStatus.CONFIRMED)
ORDER = kept(select(Order).where(asked(Order.id)))
LINES = kept(select(OrderLine).where(asked(OrderLine.order_id)).order_by(OrderLine.position))
NEWEST = kept(
    select(Order)
    .where(asked(Order.customer_id), or_(*(Order.status == one for one in ACTIVE)))
    .order_by(Order.customer_id, Order.id.desc())
    .ext(distinct_on(Order.customer_id))
)
PAYMENT = (
    select(Payment.status).where(Payment.order_id == Order.id).order_by(Payment.id.desc()).limit(1)
)
FULFILLMENT = (
    select(Fulfillment.status)
    .where(Fulfillment.order_id == Order.id)
    .order_by(Fulfillment.attempt.desc(), Fulfillment.id.desc())
    .limit(1)
)
DELIVERY = (
    select(Delivery.status)
    .where(Delivery.order_id == Order.id)
    .order_by(Delivery.id.desc())
    .limit(1)
)
WHOSE = (Order.id, Order.company_id, Order.store_id, Order.customer_id, Order.status)
PROGRESS = kept(
    select(
        *WHOSE,
        PAYMENT.scalar_subquery(),
        FULFILLMENT.scalar_subquery(),
        DELIVERY.scalar_subquery(),
    ).where(asked(Order.id))
)


async def order_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Order | None]:
    """Orders by key, as far as the scope may see them."""
    return await one_each(session, ORDER, ids)


async def lines_by_order(
    session: AsyncSession, ids: Sequence[UUID], needed: Set[str] | None = None
) -> list[list[OrderLine]]:
    """The lines of each order, as the customer put them; of each no more than is needed."""
    return await many_each(session, LINES, ids, "order_id", needed)


async def active_by_customer(session: AsyncSession, ids: Sequence[UUID]) -> list[Order | None]:
    """The newest order of each customer that is not over yet."""
    return await one_each(session, NEWEST, ids, "customer_id")


async def progress_by_order(session: AsyncSession, ids: Sequence[UUID]) -> list[Progress | None]:
    """Where each order stands as a whole, in one statement."""
    rows = await session.execute(PROGRESS, {"keys": [*ids]})
    found = {row[0]: Progress(*row) for row in rows}
    return [found.get(key) for key in ids]


@vouched
async def events_of_slice(session: AsyncSession, slices: Sequence[Slice]) -> list[list[Told]]:
    """What happened to orders that the caller sees; those who do are told all of it."""
    return await timeline.slices(session, slices)
