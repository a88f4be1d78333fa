"""Orders that nobody paid in time."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from database.scope import PLATFORM
from database.sessions import Database, Origin
from gateways.payments import Payments
from jobs.retry_each import each
from models.orders import Order, OrderStatus
from services import checkout
from workflows.payments import settle_payment

EXPIRED_ORDERS = 50


async def expire(database: Database, payments: Payments) -> int:
    """End unpaid orders whose time is over; answers how many.

    The provider is asked once more first: a payment made in the last second still counts.
    """

    async def work(order_id: UUID) -> int:
        await settle_payment.settle(database, payments, order_id)
        async with database.write(PLATFORM, Origin("job:order.expire")) as session:
            done = await checkout.expire(session, order_id)
        await settle_payment.settle(database, payments, order_id, only_wanted=True)
        return done

    return await each(database, "order.expire", await _due(database), work)


async def _due(database: Database) -> Sequence[UUID]:
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(Order.id)
            .where(Order.status == OrderStatus.PLACED, Order.due_at < func.clock_timestamp())
            .order_by(Order.due_at)
            .limit(EXPIRED_ORDERS)
        )
        return rows.all()
