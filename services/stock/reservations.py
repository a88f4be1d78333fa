"""Units promised to an order before it is paid: held, kept longer, then sold to it or let go.

The combiner holds, in a transaction of its own. The other verbs join the caller's, who has locked
the orders; each takes many orders at once, by two statements however many those are.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.events import EventType
from models.orders import Order, OrderStatus
from models.stock import HoldStatus
from services.core.clock import moment
from services.events.event_log import order_happened
from services.stock import reservation_sql, reservation_store
from services.stock.reservation_store import Ending

ORPHAN_SECONDS = 60.0
SWEEP_HOLDS = 100
PAID_LATEST_SECONDS = 900
"""No order waits longer for its payment, counted from its placing."""
BEYOND_SECONDS = 120
"""How long a hold outlives the time to pay: the order ends first, never its hold."""


async def claim(session: AsyncSession, orders: Sequence[Order]) -> set[UUID]:
    """Turn what orders hold in their stores into sold units; answers those orders that held any.

    What they hold in another store goes back to that store's shelf.
    """
    known = {order.id: order for order in orders}
    promises, counters = await reservation_store.lock_held(
        session, reservation_sql.LOCK_OF_ORDERS, orders=list(known)
    )
    endings, claimed = [], set()
    for one in promises:
        order = known[one.order_id]
        if one.store_id == order.store_id:
            endings.append(Ending(one, HoldStatus.CLAIMED, order.customer_id))
            claimed.add(order.id)
        else:
            endings.append(Ending(one, HoldStatus.RELEASED))
    await reservation_store.end(session, endings, counters)
    return claimed


async def release(
    session: AsyncSession, order_ids: Collection[UUID], final: HoldStatus = HoldStatus.RELEASED
) -> int:
    """Give what orders hold back to the shelf; answers how many holds that were."""
    promises, counters = await reservation_store.lock_held(
        session, reservation_sql.LOCK_OF_ORDERS, orders=list(order_ids)
    )
    await reservation_store.end(session, [Ending(one, final) for one in promises], counters)
    return len(promises)


async def extend(session: AsyncSession, order: Order, seconds: float) -> bool:
    """Leave an unpaid order at least so many seconds to be paid, and hold its units for as long.

    Never beyond PAID_LATEST_SECONDS after its placing. False when nothing is left to give.
    """
    if order.status is not OrderStatus.PLACED or order.due_at is None:
        return False
    latest = order.placed_at + timedelta(seconds=PAID_LATEST_SECONDS)
    due = min(await moment(session, seconds), latest)
    if due <= order.due_at:
        return False
    order.due_at = due
    order.version += 1
    await reservation_store.extend(session, order.id, due + timedelta(seconds=BEYOND_SECONDS))
    order_happened(session, order, EventType.PAYMENT_TIME_EXTENDED, due_at=due)
    return True


async def expire(session: AsyncSession, most: int = SWEEP_HOLDS) -> int:
    """Let go of holds that ran out and of those whose order never came; answers how many orders.

    The holds of an unpaid order end with the order, not here.
    """
    promises, counters = await reservation_store.lock_held(
        session, reservation_sql.LOCK_RAN_OUT, most=most, orphan_seconds=ORPHAN_SECONDS
    )
    await reservation_store.end(
        session, [Ending(one, HoldStatus.EXPIRED) for one in promises], counters
    )
    return len({one.order_id for one in promises})
