"""An order whose store said no, or nothing: to the next store that has it all, or to its end."""

from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing
from models.events import EventType
from models.fulfillment import Fulfillment, FulfillmentStatus, RejectReason
from models.geo_point import Point
from models.identity import Actor
from models.orders import CancelReason, Order, OrderLine
from models.stock import StockReason
from services.fulfillment.picking_states import REJECT, Task, enter, under_lock, write
from services.orders import orders
from services.payments import payments
from services.stock import movements, stock_rows
from services.stores.coverage import Serving, serving

STORES_ASKED = 3
CANDIDATES = 5


async def reject(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    reason: RejectReason,
    expected_version: int | None = None,
) -> Fulfillment:
    """Turn an order down: it goes to the next store that has all of it, else it is canceled.

    Answers the rejected fulfillment. Refused: NotFound, IllegalStep, VersionConflict.
    """
    task = await enter(session, actor, fulfillment_id, REJECT, expected_version)
    task.fulfillment.reject_reason = reason
    _end(task, FulfillmentStatus.REJECTED)
    task.tell(session, EventType.FULFILLMENT_REJECTED, reason=reason)
    await _move_on(session, task.order, actor.person_id)
    return task.fulfillment


async def overdue(session: AsyncSession, limit: int) -> list[UUID]:
    """Fulfillments that no store has answered within ACCEPT_SECONDS, the longest waiting first."""
    rows = await session.scalars(
        select(Fulfillment.id)
        .where(Fulfillment.status == FulfillmentStatus.QUEUED)
        .where(Fulfillment.due_at <= func.clock_timestamp())
        .order_by(Fulfillment.due_at)
        .limit(limit)
    )
    return list(rows)


async def time_out(session: AsyncSession, fulfillment_id: UUID) -> bool:
    """End an unanswered fulfillment whose time is over, and move its order on.

    False when there is nothing to do, or somebody else is at work on the order right now.
    """
    due = (
        select(Order)
        .join(Fulfillment, Fulfillment.order_id == Order.id)
        .where(Fulfillment.id == fulfillment_id)
        .where(Fulfillment.status == FulfillmentStatus.QUEUED)
        .where(Fulfillment.due_at <= func.clock_timestamp())
        .with_for_update(of=Order, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    order = await session.scalar(due)
    if order is None:
        return False
    task = await under_lock(session, order, fulfillment_id)
    if task.fulfillment.status is not FulfillmentStatus.QUEUED:
        return False
    _end(task, FulfillmentStatus.TIMED_OUT)
    task.tell(session, EventType.FULFILLMENT_TIMED_OUT)
    await _move_on(session, order, None)
    return True


def _end(task: Task, status: FulfillmentStatus) -> None:
    row = task.fulfillment
    row.status, row.due_at = status, None
    row.version += 1


async def _move_on(session: AsyncSession, order: Order, actor_id: UUID | None) -> None:
    """Move the units and the order in this one transaction, or take the order off."""
    await session.flush()
    wanted = await _wanted(session, order)
    asked = await _asked(session, order)
    found = await _next(session, order, wanted, asked) if len(asked) < STORES_ASKED else None
    if found is None:
        await payments.want_void(session, order)
        await movements.restock(session, order, wanted, StockReason.RESTOCK, actor_id)
        await orders.mark_canceled(session, order, CancelReason.NO_STORE)
        return
    await movements.restock(session, order, wanted, StockReason.RESTOCK, actor_id)
    order.store_id, order.distance_m = found.store.id, found.distance_m
    order.version += 1
    place = (order.store_id, order.company_id)
    short = await movements.take(session, *place, wanted, StockReason.SALE, str(order.id), actor_id)
    if short:
        raise RuntimeError("locked units went away")
    await write(session, order, order.store_id, attempt=len(asked) + 1)


async def _wanted(session: AsyncSession, order: Order) -> Mapping[UUID, int]:
    wanted: Counter[UUID] = Counter()
    rows = await session.execute(
        select(OrderLine.product_id, OrderLine.quantity).where(OrderLine.order_id == order.id)
    )
    for product_id, quantity in rows:
        wanted[product_id] += quantity
    return wanted


async def _asked(session: AsyncSession, order: Order) -> set[UUID]:
    """The stores that this order has been in the queue of."""
    rows = await session.scalars(
        select(Fulfillment.store_id).where(Fulfillment.order_id == order.id)
    )
    return set(rows)


async def _next(
    session: AsyncSession, order: Order, wanted: Mapping[UUID, int], asked: set[UUID]
) -> Serving | None:
    """The nearest store not asked yet that sells and has everything, its rows locked.

    The rows of all candidates and of the present store are locked in one go, in order.
    """
    place = Point(order.latitude, order.longitude)
    near = await serving(session, place, company_id=order.company_id)
    listed = await _listing_all(session, [one.store.id for one in near], wanted)
    ready = [one for one in near if one.store.id not in asked and one.store.id in listed]
    if not ready:
        return None
    ready = ready[:CANDIDATES]
    shelves = await stock_rows.lock(
        session, [order.store_id, *(one.store.id for one in ready)], wanted
    )
    for one in ready:
        if not stock_rows.shortages(shelves[one.store.id], wanted, order.company_id):
            return one
    return None


async def _listing_all(
    session: AsyncSession, store_ids: list[UUID], wanted: Mapping[UUID, int]
) -> set[UUID]:
    """Those of the stores that sell every wanted product now."""
    rows = await session.scalars(
        select(Listing.store_id)
        .where(Listing.store_id.in_(store_ids), Listing.product_id.in_(wanted), Listing.available)
        .group_by(Listing.store_id)
        .having(func.count() == len(wanted))
    )
    return set(rows)
