"""Orders that nobody paid in time."""

import logging
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from gateways.payments import Payments
from models import PLATFORM, Order, OrderStatus
from models.database import Database, Origin
from services import checkout, settlement

log = logging.getLogger("darkstore.jobs")

EXPIRED_ORDERS = 50


async def expire(database: Database, payments: Payments) -> int:
    """End unpaid orders whose time is over; answers how many.

    The provider is asked once more first: a payment made in the last second still counts.
    """
    done = 0
    for order_id in await _due(database):
        try:
            await settlement.settle(database, payments, order_id)
            async with database.write(PLATFORM, Origin("job:order.expire")) as session:
                done += await checkout.expire(session, order_id)
            await settlement.settle(database, payments, order_id, only_wanted=True)
        except Exception:
            log.warning("order %s could not expire", order_id, exc_info=True)
    return done


async def _due(database: Database) -> Sequence[UUID]:
    async with database.read(PLATFORM) as session:
        rows = await session.scalars(
            select(Order.id)
            .where(Order.status == OrderStatus.PLACED, Order.due_at < func.clock_timestamp())
            .order_by(Order.due_at)
            .limit(EXPIRED_ORDERS)
        )
        return rows.all()
