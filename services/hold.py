"""Units promised to an order before it is paid: granted by the combiner, then claimed or released.

Every verb locks an order's holds first and its stock rows after them, in the order of
(store, product).
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Hold, HoldStatus, Order, OrderStatus, Stock, StockReason
from services import stock
from services.combiner import Busy, Combiner
from services.grant import Held, Short

__all__ = ["Busy", "Combiner", "Held", "Short", "claim", "release", "sweep_expired"]

ORPHAN_SECONDS = 60
SWEEP_ORDERS = 100


async def release(
    session: AsyncSession, order_id: UUID, final: HoldStatus = HoldStatus.RELEASED
) -> int:
    """Give an order's held units back to the shelf; answers how many holds that were."""
    return await _let_go(session, await _live(session, order_id), final)


async def claim(session: AsyncSession, order_id: UUID, actor_id: UUID | None) -> bool:
    """Turn an order's holds into sold units of its store; False when it holds nothing there.

    Whatever it holds in another store goes back to that store's shelf.
    """
    store_id = await session.scalar(select(Order.store_id).where(Order.id == order_id))
    holds = await _live(session, order_id)
    mine = [hold for hold in holds if hold.store_id == store_id]
    await _let_go(session, [h for h in holds if h.store_id != store_id], HoldStatus.RELEASED)
    if not mine:
        return False
    store = mine[0].store_id
    shelf = (await stock.lock(session, [store], [h.product_id for h in mine]))[store]
    for hold in mine:
        row = shelf[hold.product_id]
        row.held -= hold.quantity
        stock.change(session, row, -hold.quantity, StockReason.SALE, str(order_id), actor_id)
        hold.status = HoldStatus.CLAIMED
    await session.flush()
    stock.announce(session, shelf.values())
    return True


async def sweep_expired(session: AsyncSession, limit: int = SWEEP_ORDERS) -> int:
    """Release holds that ran out and holds whose order never came; answers how many orders.

    The holds of an unpaid order end with the order, not here.
    """
    placed = select(Order.id).where(Order.id == Hold.order_id)
    now = func.clock_timestamp()
    ran_out = and_(
        Hold.expires_at < now, ~placed.where(Order.status == OrderStatus.PLACED).exists()
    )
    orphaned = and_(
        Hold.created_at < now - func.make_interval(0, 0, 0, 0, 0, 0, ORPHAN_SECONDS),
        ~placed.exists(),
    )
    found = await session.scalars(
        select(Hold)
        .where(Hold.status == HoldStatus.HELD, or_(ran_out, orphaned))
        .order_by(Hold.order_id, Hold.store_id, Hold.product_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    holds = list(found)
    await _let_go(session, holds, HoldStatus.EXPIRED)
    return len({hold.order_id for hold in holds})


async def _live(session: AsyncSession, order_id: UUID) -> list[Hold]:
    rows = await session.scalars(
        select(Hold)
        .where(Hold.order_id == order_id, Hold.status == HoldStatus.HELD)
        .order_by(Hold.store_id, Hold.product_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def _let_go(session: AsyncSession, holds: Sequence[Hold], final: HoldStatus) -> int:
    if not holds:
        return 0
    stores = {hold.store_id for hold in holds}
    shelves = await stock.lock(session, stores, {hold.product_id for hold in holds})
    changed: dict[UUID, dict[UUID, Stock]] = {store_id: {} for store_id in stores}
    for hold in holds:
        row = shelves[hold.store_id][hold.product_id]
        row.held -= hold.quantity
        row.version += 1
        hold.status = final
        changed[hold.store_id][hold.product_id] = row
    await session.flush()
    for rows in changed.values():
        stock.announce(session, rows.values())
    return len(holds)
