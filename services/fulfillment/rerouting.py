"""Moves orders that a store rejects, or does not accept in time, to the next store."""

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
from services.fulfillment.fulfillment_states import MACHINE, REJECT, PickingTask, begin, load_task
from services.fulfillment.queueing import create_fulfillment
from services.orders import order_states
from services.payments import payments
from services.stock import movements, stock_rows
from services.stores.coverage import ServingStore, find_serving_stores

MAX_STORES = 3
MAX_CANDIDATE_STORES = 5


async def reject(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    reason: RejectReason,
    expected_version: int | None = None,
) -> Fulfillment:
    """Reject an order: it moves to the next store that has all of it, or is canceled.

    Returns the rejected fulfillment. Raises DomainError: NotFound, IllegalStep, VersionConflict.
    """
    task = await begin(session, actor, fulfillment_id, REJECT, expected_version)
    task.fulfillment.reject_reason = reason
    _end(task, FulfillmentStatus.REJECTED)
    task.record_change(session, EventType.FULFILLMENT_REJECTED, reason=reason)
    await _reroute(session, task.order, actor.person_id)
    return task.fulfillment


async def overdue_fulfillments(session: AsyncSession, limit: int) -> list[UUID]:
    """Fulfillments that were not accepted in time, the longest overdue first."""
    rows = await session.scalars(
        select(Fulfillment.id)
        .where(Fulfillment.status == FulfillmentStatus.QUEUED)
        .where(Fulfillment.due_at <= func.clock_timestamp())
        .order_by(Fulfillment.due_at)
        .limit(limit)
    )
    return list(rows)


async def time_out(session: AsyncSession, fulfillment_id: UUID) -> bool:
    """End a fulfillment that was not accepted in time, and move its order to another store.

    False when there is nothing to do, or when the order is locked by another transaction.
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
    task = await load_task(session, order, fulfillment_id)
    if task.fulfillment.status is not FulfillmentStatus.QUEUED:
        return False
    _end(task, FulfillmentStatus.TIMED_OUT)
    task.record_change(session, EventType.FULFILLMENT_TIMED_OUT)
    await _reroute(session, order, None)
    return True


def _end(task: PickingTask, status: FulfillmentStatus) -> None:
    MACHINE.move(task.fulfillment, status)
    task.fulfillment.due_at = None


async def _reroute(session: AsyncSession, order: Order, actor_id: UUID | None) -> None:
    """Move the units and the order to the next store, or cancel the order, in one transaction."""
    await session.flush()
    units = await _ordered_units(session, order)
    previous_stores = await _previous_stores(session, order)
    next_store = None
    if len(previous_stores) < MAX_STORES:
        next_store = await _next_store(session, order, units, previous_stores)
    if next_store is None:
        await payments.request_void(session, order)
        await movements.restock(session, order, units, StockReason.RESTOCK, actor_id)
        await order_states.mark_canceled(session, order, CancelReason.NO_STORE)
        return
    await movements.restock(session, order, units, StockReason.RESTOCK, actor_id)
    order.store_id, order.distance_m = next_store.store.id, next_store.distance_m
    order.version += 1
    store = (order.store_id, order.company_id)
    shortages = await movements.deduct(
        session, *store, units, StockReason.SALE, str(order.id), actor_id
    )
    if shortages:
        raise RuntimeError("locked units went away")
    await create_fulfillment(session, order, order.store_id, attempt=len(previous_stores) + 1)


async def _ordered_units(session: AsyncSession, order: Order) -> Mapping[UUID, int]:
    units: Counter[UUID] = Counter()
    rows = await session.execute(
        select(OrderLine.product_id, OrderLine.quantity).where(OrderLine.order_id == order.id)
    )
    for product_id, quantity in rows:
        units[product_id] += quantity
    return units


async def _previous_stores(session: AsyncSession, order: Order) -> set[UUID]:
    """The stores that have had this order in their queue."""
    rows = await session.scalars(
        select(Fulfillment.store_id).where(Fulfillment.order_id == order.id)
    )
    return set(rows)


async def _next_store(
    session: AsyncSession, order: Order, units: Mapping[UUID, int], previous_stores: set[UUID]
) -> ServingStore | None:
    """The nearest store that has not had the order, lists everything and has it in stock.

    The stock rows of all candidates and of the present store are locked by one statement, in order.
    """
    destination = Point(order.latitude, order.longitude)
    serving = await find_serving_stores(session, destination, company_id=order.company_id)
    listing = await _stores_listing_all(session, [store.store.id for store in serving], units)
    eligible = listing - previous_stores
    candidates = [candidate for candidate in serving if candidate.store.id in eligible]
    if not candidates:
        return None
    candidates = candidates[:MAX_CANDIDATE_STORES]
    stock = await stock_rows.lock_rows(
        session, [order.store_id, *(candidate.store.id for candidate in candidates)], units
    )
    for candidate in candidates:
        if not stock_rows.find_shortages(stock[candidate.store.id], units, order.company_id):
            return candidate
    return None


async def _stores_listing_all(
    session: AsyncSession, store_ids: list[UUID], units: Mapping[UUID, int]
) -> set[UUID]:
    """Those of the stores that list every one of the products as available."""
    rows = await session.scalars(
        select(Listing.store_id)
        .where(Listing.store_id.in_(store_ids), Listing.product_id.in_(units), Listing.available)
        .group_by(Listing.store_id)
        .having(func.count() == len(units))
    )
    return set(rows)
