"""Reserved units of unpaid orders: sold, released, extended or expired.

`ReservationBatcher` creates reservations in transactions of its own. These functions join the
caller's transaction, which has locked the orders; each needs two statements for any number of
orders.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.events import OrderEventKind
from models.orders import Order, OrderChange, OrderChangeStatus, OrderStatus
from models.stock import Hold, HoldStatus
from services.core.clock import current_time
from services.core.state_machine import AutomaticTransition, StateMachine
from services.events.event_log import record_order_event
from services.stock import reservation_sql, reservation_store
from services.stock.reservation_decisions import UnitsByStore, units_of_orders
from services.stock.reservation_store import Reservation, ReservationEnd

log = logging.getLogger("darkstore.stock")

ORPHAN_SECONDS = 60.0
"""Age from which a reservation without an order row counts as abandoned."""
MAX_PAYMENT_WAIT_SECONDS = 900
"""No order waits longer for its payment, counted from its placing."""
RESERVATION_GRACE_SECONDS = 120
"""How long a reservation outlives the payment deadline, so that the order ends first."""
HELD = {HoldStatus.HELD}
_GIVEN_ORDERS = Order.id == any_(bindparam("orders", type_=ARRAY(Uuid)))
WRITTEN_ORDERS = prepared(select(Order.id).where(_GIVEN_ORDERS))
UNPAID_ORDERS = prepared(select(Order.id).where(_GIVEN_ORDERS, Order.status == OrderStatus.PLACED))

MACHINE: StateMachine[Hold, Any, HoldStatus] = StateMachine(
    name="Hold",
    model=Hold,
    status=HoldStatus,
    initial={HoldStatus.HELD},
    automatic=(
        AutomaticTransition("payment: authorized or captured", HELD, {HoldStatus.CLAIMED}),
        AutomaticTransition("order: canceled, or its payment failed", HELD, {HoldStatus.RELEASED}),
        AutomaticTransition("job: not paid in time", HELD, {HoldStatus.EXPIRED}, job="hold.sweep"),
        AutomaticTransition(
            "checkout: the same order reserves again",
            {HoldStatus.RELEASED, HoldStatus.EXPIRED},
            HELD,
            mutation="orderPlace",
        ),
    ),
)
"""The statements of `reservation_sql` make these transitions, for many orders at once."""


async def commit_sale(session: AsyncSession, orders: Sequence[Order]) -> set[UUID]:
    """Turn the reservations of orders into sold units; returns the orders that are sold.

    An order is sold only when its reservations are exactly its lines, in its store. Otherwise they
    are released: the caller sells the lines from the stock that is available.
    """
    orders_by_id = {order.id: order for order in orders}
    reservations, counters, exact = await reservation_store.lock_for_sale(
        session, list(orders_by_id)
    )
    elsewhere = {
        each.order_id
        for each in reservations
        if each.store_id != orders_by_id[each.order_id].store_id
    }
    sold = exact - elsewhere
    for order_id in {each.order_id for each in reservations} - sold:
        log.error("order %s: its reservations are not its lines", order_id)
    ends = [
        ReservationEnd(each, HoldStatus.CLAIMED, orders_by_id[each.order_id].customer_id)
        if each.order_id in sold
        else ReservationEnd(each, HoldStatus.RELEASED)
        for each in reservations
    ]
    await reservation_store.end_reservations(session, ends, counters)
    return sold


async def release(
    session: AsyncSession,
    order_ids: Collection[UUID],
    final_status: HoldStatus = HoldStatus.RELEASED,
) -> int:
    """End the reservations of orders without a sale; returns how many reservations ended."""
    reservations, counters = await reservation_store.lock_reservations(
        session, reservation_sql.LOCK_RESERVATIONS_OF_ORDERS, orders=list(order_ids)
    )
    ends = [ReservationEnd(reservation, final_status) for reservation in reservations]
    await reservation_store.end_reservations(session, ends, counters)
    return len(reservations)


async def reserved_units(session: AsyncSession, order_id: UUID) -> UnitsByStore:
    """The units that are reserved for an order, by store and product."""
    return (await units_of_orders(session, [order_id])).get(order_id, {})


async def release_unwritten(
    session: AsyncSession, order_id: UUID, expected: UnitsByStore | None = None
) -> bool:
    """Release the reservations of an order that was not written; False when it was.

    With `expected` they are released only if they are these: others belong to another try of the
    same request. The locks make the order's writer wait, and it finds them released then.
    """
    reservations, counters = await reservation_store.lock_reservations(
        session, reservation_sql.LOCK_RESERVATIONS_OF_ORDERS, orders=[order_id]
    )
    if await session.scalar(WRITTEN_ORDERS, {"orders": [order_id]}):
        return False
    if expected is not None and _units_by_store(reservations) != expected:
        return True
    ends = [ReservationEnd(reservation, HoldStatus.RELEASED) for reservation in reservations]
    await reservation_store.end_reservations(session, ends, counters)
    return True


def _units_by_store(reservations: Sequence[Reservation]) -> UnitsByStore:
    units: dict[UUID, dict[UUID, int]] = {}
    for each in reservations:
        units.setdefault(each.store_id, {})[each.product_id] = each.units
    return units


async def extend(session: AsyncSession, order: Order, seconds: float) -> bool:
    """Give an unpaid order at least so many seconds to be paid, and its reservations with it.

    The deadline is at most MAX_PAYMENT_WAIT_SECONDS after placing. Returns False when the deadline
    does not move.
    """
    if order.status is not OrderStatus.PLACED or order.payment_due_at is None:
        return False
    latest = order.placed_at + timedelta(seconds=MAX_PAYMENT_WAIT_SECONDS)
    due = min(await current_time(session, seconds), latest)
    if due <= order.payment_due_at:
        return False
    order.payment_due_at = due
    order.version += 1
    until = due + timedelta(seconds=RESERVATION_GRACE_SECONDS)
    await reservation_store.extend(session, order.id, until)
    record_order_event(session, order, OrderEventKind.PAYMENT_DEADLINE_EXTENDED, due_at=due)
    return True


_ORDER = select(Order.id).where(Order.id == Hold.order_id)
_CHANGE = select(OrderChange.id).where(OrderChange.id == Hold.order_id)
ORDERS_OF_OVERDUE_HOLDS = (
    select(Hold.order_id)
    .where(
        Hold.status == HoldStatus.HELD,
        or_(
            (Hold.expires_at < func.clock_timestamp())
            & ~_ORDER.where(Order.status == OrderStatus.PLACED).exists()
            & ~_CHANGE.where(OrderChange.status == OrderChangeStatus.AWAITING_PAYMENT).exists(),
            (Hold.created_at < func.clock_timestamp() - timedelta(seconds=ORPHAN_SECONDS))
            & ~_ORDER.exists()
            & ~_CHANGE.exists(),
        ),
    )
    .group_by(Hold.order_id)
    .order_by(func.min(Hold.expires_at), Hold.order_id)
)
"""Orders whose reservations are over: expired, or left by a checkout that was interrupted.

Reservations of an unpaid order, or of a change that waits for its payment, end with it, not here.
"""


async def expire(session: AsyncSession, order_ids: Collection[UUID]) -> int:
    """Expire the overdue reservations of these orders; returns how many orders had any.

    They may have been prolonged since they were selected by ORDERS_OF_OVERDUE_HOLDS. Those of an
    order that was written meanwhile end with the order.
    """
    reservations, counters = await reservation_store.lock_reservations(
        session,
        reservation_sql.LOCK_EXPIRED_RESERVATIONS,
        orders=list(order_ids),
        orphan_seconds=ORPHAN_SECONDS,
    )
    found = {reservation.order_id for reservation in reservations}
    unpaid = set(await session.scalars(UNPAID_ORDERS, {"orders": list(found)}))
    ends = [
        ReservationEnd(reservation, HoldStatus.EXPIRED)
        for reservation in reservations
        if reservation.order_id not in unpaid
    ]
    await reservation_store.end_reservations(session, ends, counters)
    return len(found - unpaid)
