"""Moves orders that a store rejects, or does not accept in time, to the next store."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing
from models.delivery import Delivery
from models.events import OrderEventKind
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentRejectReason,
    FulfillmentStatus,
    PutBackReason,
)
from models.geo_point import Point
from models.identity import Actor
from models.orders import FulfillmentMethod, Order, OrderCancelReason, OrderLine
from models.stock import StockMovementReason
from services.core.problems import DomainError, InvalidInput, not_found
from services.delivery import deliveries
from services.events.event_log import record_order_event
from services.fulfillment import put_back
from services.fulfillment.fulfillment_states import (
    MACHINE,
    REJECT,
    PickingTask,
    begin,
)
from services.fulfillment.missing_units import count_missing
from services.fulfillment.queueing import create_fulfillment
from services.fulfillment.task_timers import lock_if_free
from services.orders import order_states
from services.payments import payments, pending_changes
from services.stock import movements, off_sale, stock_rows
from services.stores.coverage import ServingStore, find_serving_stores
from services.stores.delivery_estimates import estimate_delivery

MAX_STORES = 3
MAX_CANDIDATE_STORES = 5


async def reject(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    reason: FulfillmentRejectReason,
    missing_line_ids: Collection[UUID] = (),
    expected_version: int | None = None,
) -> Fulfillment:
    """Reject an order: it moves to the next store that has all of it, or is canceled.

    With OUT_OF_STOCK the products of the missing lines (of all lines, when none is named) go off
    sale in this store. Returns the rejected fulfillment. Raises DomainError: NotFound,
    InvalidTransition, VersionConflict, InvalidInput.
    """
    task = await begin(session, actor, fulfillment_id, REJECT, expected_version)
    _check_missing_lines(task, reason, missing_line_ids)
    task.fulfillment.reject_reason = reason
    _end(task, FulfillmentStatus.REJECTED)
    task.record_change(session, OrderEventKind.FULFILLMENT_REJECTED, reason=reason)
    store_id, person_id = task.fulfillment.store_id, actor.person_id
    await _reroute(session, task, person_id)
    if reason is FulfillmentRejectReason.OUT_OF_STOCK:
        products = missing_products(task.lines, missing_line_ids)
        reference = str(fulfillment_id)  # no movement of the order's own units
        await off_sale.write_off_available(session, store_id, products, reference, person_id)
    return task.fulfillment


def missing_products(
    lines: Iterable[FulfillmentLine], missing_line_ids: Collection[UUID]
) -> list[UUID]:
    """The products of the lines that a store does not find: of all lines when none is named."""
    return [
        line.product_id for line in lines if line.id in missing_line_ids or not missing_line_ids
    ]


def _check_missing_lines(
    task: PickingTask, reason: FulfillmentRejectReason, missing_line_ids: Collection[UUID]
) -> None:
    """Raise DomainError: InvalidInput, NotFound unless the missing lines fit the task."""
    if missing_line_ids and reason is not FulfillmentRejectReason.OUT_OF_STOCK:
        message = "Name missing lines only with OUT_OF_STOCK."
        raise DomainError(InvalidInput(path=["input", "missingLineIds"], message=message))
    if not {line.id for line in task.lines}.issuperset(missing_line_ids):
        raise not_found(FulfillmentLine, "missingLineIds")


_OVERDUE = (
    Fulfillment.status == FulfillmentStatus.QUEUED,
    Fulfillment.next_step_due_at <= func.clock_timestamp(),
)
OVERDUE_FULFILLMENTS = (
    select(Fulfillment.id).where(*_OVERDUE).order_by(Fulfillment.next_step_due_at, Fulfillment.id)
)
"""Fulfillments that were not accepted in time, the longest overdue first."""


async def time_out(session: AsyncSession, fulfillment_id: UUID) -> bool:
    """End a fulfillment that was not accepted in time, and move its order to another store.

    False when there is nothing to do, or when the order is locked by another transaction.
    """
    task = await lock_if_free(session, fulfillment_id, *_OVERDUE)
    if task is None:
        return False
    _end(task, FulfillmentStatus.TIMED_OUT)
    task.record_change(session, OrderEventKind.FULFILLMENT_TIMED_OUT)
    await _reroute(session, task, None)
    return True


def _end(task: PickingTask, status: FulfillmentStatus) -> None:
    MACHINE.move(task.fulfillment, status)
    task.fulfillment.next_step_due_at = None


async def _reroute(session: AsyncSession, task: PickingTask, actor_id: UUID | None) -> None:
    """Move the units and the order to the next store, or cancel the order, in one transaction.

    The customer chose the store of a pickup, so that one is canceled. The ended store keeps nothing
    that tells who the customer is.
    """
    await count_missing(session, task)
    await pending_changes.end_pending_change(session, task.order)
    await session.flush()
    order = task.order
    units = await _ordered_units(session, order)
    previous_stores = await _previous_stores(session, order)
    next_store = None
    delivers = order.method is FulfillmentMethod.DELIVERY
    if delivers and len(previous_stores) < MAX_STORES:
        next_store = await _next_store(session, order, units, previous_stores)
    delivery = await deliveries.cancel_for_order(session, order)
    _forget_customer(task.fulfillment, delivery)
    if next_store is None:
        await payments.request_void(session, order)
        await put_back.release_units(session, task, PutBackReason.ORDER_CANCELED, actor_id)
        await order_states.mark_canceled(session, order, OrderCancelReason.NO_STORE_AVAILABLE)
        return
    reason = PutBackReason.MOVED_TO_ANOTHER_STORE
    await put_back.release_units(session, task, reason, actor_id)
    _move_order(session, order, next_store, task.now)
    store = (order.store_id, order.company_id)
    shortages = await movements.deduct(
        session, *store, units, StockMovementReason.SALE, str(order.id), actor_id
    )
    if shortages:
        raise RuntimeError("locked units went away")
    await create_fulfillment(session, order, order.store_id, attempt=len(previous_stores) + 1)


def _move_order(session: AsyncSession, order: Order, store: ServingStore, now: datetime) -> None:
    """Give the order to another store with a new estimate, and tell the customer."""
    estimate = estimate_delivery(
        distance_m=store.distance_m,
        preparation_seconds=store.store.preparation_seconds,
        fee_minor=order.delivery_fee_minor,
        currency=order.currency,
        now=now,
    )
    order.store_id, order.dropoff_distance_meters = store.store.id, store.distance_m
    order.promise_p50_seconds, order.promise_p90_seconds = (
        estimate.p50_seconds,
        estimate.p90_seconds,
    )
    order.promised_at = now
    order.version += 1
    record_order_event(
        session,
        order,
        OrderEventKind.ORDER_REROUTED,
        distance_m=store.distance_m,
        promise_p50_seconds=estimate.p50_seconds,
        promise_p90_seconds=estimate.p90_seconds,
        promised_at=now,
    )


def _forget_customer(fulfillment: Fulfillment, delivery: Delivery | None) -> None:
    """Remove the customer's name, place and notes from the rows of a store that lost the order."""
    fulfillment.customer_name = ""
    if delivery is not None:
        delivery.customer_name = delivery.address_line = delivery.delivery_instructions = ""
        delivery.latitude = delivery.longitude = 0.0


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
