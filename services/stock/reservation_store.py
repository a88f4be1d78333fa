"""Reservations of units for orders: locked, inserted, extended and ended, many orders at once.

Each operation locks stock rows in the order of (store, product), computes the changes here, and
writes counters, reservations and ledger by one statement; each store gets one event. A reservation
is locked before its stock row, so that the slower of two transactions finds it ended already.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from database.write_session import count_activity
from models.stock import HoldStatus, StockMovementReason
from services.stock.reservation_sql import (
    END_RESERVATIONS,
    EXTEND_RESERVATIONS,
    INSERT_RESERVATIONS,
    LOCK_RESERVATIONS_FOR_SALE,
    LOCK_STOCK,
)
from services.stock.stock_writer import LockedCounters, StockKey, write_reservations

OPERATIONS = ("hold", "extend", "claim", "release", "expire")
ORDERS, UNITS = "orders", "units"
END_STATUSES = {
    "claim": HoldStatus.CLAIMED,
    "release": HoldStatus.RELEASED,
    "expire": HoldStatus.EXPIRED,
}


class Reservation(NamedTuple):
    """Units of one product that a store reserves for an order."""

    order_id: UUID
    store_id: UUID
    product_id: UUID
    company_id: UUID
    units: int


class ReservationEnd(NamedTuple):
    """A reservation that ends: its final status, and who ended it."""

    reservation: Reservation
    status: HoldStatus
    actor_id: UUID | None = None


async def lock_counters(
    session: AsyncSession, keys: Collection[StockKey]
) -> dict[StockKey, LockedCounters]:
    """Lock these stock rows in order; returns their counters, without rows that do not exist."""
    ordered = sorted(keys)
    rows = await session.execute(
        LOCK_STOCK, {"stores": [s for s, _ in ordered], "products": [p for _, p in ordered]}
    )
    return {(store, product): LockedCounters(*counters) for store, product, *counters in rows}


async def lock_reservations(
    session: AsyncSession, statement: TextClause, **parameters: Any
) -> tuple[list[Reservation], dict[StockKey, LockedCounters]]:
    """Lock active reservations, then their stock rows in order; returns both.

    `statement` is LOCK_RESERVATIONS_OF_ORDERS (parameter `orders`) or LOCK_EXPIRED_RESERVATIONS
    (also `orphan_seconds`).
    """
    rows = await session.execute(statement, parameters)
    reservations, counters = [], {}
    for order_id, units, store_id, product_id, *values in rows:
        row = counters[store_id, product_id] = LockedCounters(*values)
        reservations.append(Reservation(order_id, store_id, product_id, row.company_id, units))
    return reservations, counters


async def lock_for_sale(
    session: AsyncSession, order_ids: Sequence[UUID]
) -> tuple[list[Reservation], dict[StockKey, LockedCounters], set[UUID]]:
    """Like `lock_reservations`; returns also the orders whose reservations are exactly their lines.

    Exactly: the units that the lines want of each product, and of every product.
    """
    rows = await session.execute(LOCK_RESERVATIONS_FOR_SALE, {"orders": [*order_ids]})
    reservations: list[Reservation] = []
    counters: dict[StockKey, LockedCounters] = {}
    reserved_products: Counter[UUID] = Counter()
    ordered_products: dict[UUID, int] = {}
    different: set[UUID] = set()
    for order_id, units, store_id, product_id, *values, ordered_units, product_count in rows:
        row = counters[store_id, product_id] = LockedCounters(*values)
        reservations.append(Reservation(order_id, store_id, product_id, row.company_id, units))
        reserved_products[order_id] += 1
        ordered_products[order_id] = product_count
        if units != ordered_units:
            different.add(order_id)
    exact = {key for key, count in ordered_products.items() if count == reserved_products[key]}
    exact -= different
    return reservations, counters, exact


async def insert_reservations(
    session: AsyncSession,
    reservations: Sequence[Reservation],
    hold_seconds: Sequence[float],
    counters: Mapping[StockKey, LockedCounters],
) -> None:
    """Insert reservations, each for so many seconds; `counters` include their units already."""
    if not reservations:
        return
    orders, stores, products, companies, units = zip(*reservations, strict=True)
    parameters = {
        "hold_orders": orders,
        "hold_stores": stores,
        "hold_products": products,
        "hold_companies": companies,
        "hold_units": units,
        "hold_seconds": hold_seconds,
    }
    expected_count = len(reservations)
    await write_reservations(session, INSERT_RESERVATIONS, parameters, counters, expected_count)
    _count(session, "hold", reservations)


async def end_reservations(
    session: AsyncSession,
    ends: Sequence[ReservationEnd],
    counters: Mapping[StockKey, LockedCounters],
) -> None:
    """End locked reservations: units of CLAIMED ones are sold, all others are available again."""
    if not ends:
        return
    for reservation, status, _ in ends:
        row = counters[reservation.store_id, reservation.product_id]
        row.reserved_delta -= reservation.units
        row.sold_units += reservation.units if status is HoldStatus.CLAIMED else 0
    sales = [end for end in ends if end.status is HoldStatus.CLAIMED]
    orders, stores, products, _, _ = zip(*(end.reservation for end in ends), strict=True)
    parameters = {
        "hold_orders": orders,
        "hold_stores": stores,
        "hold_products": products,
        "statuses": [end.status for end in ends],
        **_sale_movements(sales),
    }
    await write_reservations(session, END_RESERVATIONS, parameters, counters, len(ends))
    for operation, status in END_STATUSES.items():
        _count(session, operation, [end.reservation for end in ends if end.status is status])


async def extend(session: AsyncSession, order_id: UUID, until: datetime) -> int:
    """Keep the reservations of an order at least until then; returns how many there are."""
    rows = await session.execute(EXTEND_RESERVATIONS, {"order_id": order_id, "until": until})
    reservations = [Reservation(order_id, *row) for row in rows]
    _count(session, "extend", reservations)
    return len(reservations)


def _sale_movements(sales: Sequence[ReservationEnd]) -> dict[str, Any]:
    """The ledger rows of sold units, column by column."""
    reservations = [sale.reservation for sale in sales]
    return {
        "reason": StockMovementReason.SALE,
        "sale_ids": [uuid7() for _ in sales],
        "sale_companies": [sold.company_id for sold in reservations],
        "sale_stores": [sold.store_id for sold in reservations],
        "sale_products": [sold.product_id for sold in reservations],
        "sale_units": [sold.units for sold in reservations],
        "sale_orders": [str(sold.order_id) for sold in reservations],
        "sale_actors": [sale.actor_id for sale in sales],
    }


def _count(session: AsyncSession, operation: str, reservations: Sequence[Reservation]) -> None:
    """Count the orders and units of an operation for the process statistics."""
    if reservations:
        order_count = len({reservation.order_id for reservation in reservations})
        count_activity(session, operation, ORDERS, order_count)
        count_activity(session, operation, UNITS, sum(each.units for each in reservations))
