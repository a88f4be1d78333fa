"""Decides reservations of many orders in one transaction, in the order of their arrival."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from services.stock import reservation_store
from services.stock.reservation_store import Reservation
from services.stock.stock_writer import LockedCounters, StockKey


@dataclass(frozen=True, slots=True)
class ReservationSuccess:
    """All requested units are reserved for the order, in this store."""

    store_id: UUID


@dataclass(frozen=True, slots=True)
class ReservationShortage:
    """Nothing is reserved: products with too few units, each with its available units."""

    shortages: list[tuple[UUID, int]]


@dataclass(frozen=True, slots=True)
class ReservationConflict:
    """Nothing is changed: the order has other units reserved than those requested.

    An earlier try of the same request has left them; release them, then request again.
    """


ReservationResult = ReservationSuccess | ReservationShortage | ReservationConflict
UnitsByStore = Mapping[UUID, Mapping[UUID, int]]
"""Units by store and product."""


@dataclass(frozen=True, slots=True)
class ReservationRequest:
    """Units to reserve for an order in one store, by product."""

    company_id: UUID
    store_id: UUID
    order_id: UUID
    quantities: Mapping[UUID, int]
    hold_seconds: float


UNITS_OF_ORDERS = prepared(
    text(
        """
    select order_id, store_id, product_id, quantity from hold
    where order_id = any (cast(:orders as uuid[])) and status in ('HELD', 'CLAIMED')
    """
    )
)


async def reserve_batch(
    session: AsyncSession, batch: Sequence[ReservationRequest]
) -> list[ReservationResult]:
    """Decide each request in the order of arrival and write the reservations that succeed."""
    keys = {(request.store_id, product) for request in batch for product in request.quantities}
    counters = await reservation_store.lock_counters(session, keys)
    units_by_order = await units_of_orders(session, [request.order_id for request in batch])
    results: list[ReservationResult] = []
    accepted: list[ReservationRequest] = []
    for request in batch:
        result = _decide(request, counters, units_by_order.get(request.order_id))
        results.append(result)
        if isinstance(result, ReservationSuccess) and request.order_id not in units_by_order:
            units_by_order[request.order_id] = {request.store_id: dict(request.quantities)}
            accepted.append(request)
    reservations = [
        Reservation(request.order_id, request.store_id, product, request.company_id, units)
        for request in accepted
        for product, units in request.quantities.items()
    ]
    seconds = [float(request.hold_seconds) for request in accepted for _ in request.quantities]
    await reservation_store.insert_reservations(session, reservations, seconds, counters)
    return results


def _decide(
    request: ReservationRequest,
    counters: Mapping[StockKey, LockedCounters],
    reserved: UnitsByStore | None,
) -> ReservationResult:
    if reserved is not None:
        return _compare(request, reserved)
    rows = {product: counters.get((request.store_id, product)) for product in request.quantities}
    shortages = [
        (product, row.available if row else 0)
        for product, row in rows.items()
        if row is None or row.available < request.quantities[product]
    ]
    if shortages:
        return ReservationShortage(shortages)
    for product, row in rows.items():
        if row is not None:
            row.reserved_delta += request.quantities[product]
    return ReservationSuccess(request.store_id)


def _compare(request: ReservationRequest, reserved: UnitsByStore) -> ReservationResult:
    """Success when the order has exactly the requested units, all of them in one store."""
    if len(reserved) == 1:
        ((store_id, quantities),) = reserved.items()
        if quantities == request.quantities:
            return ReservationSuccess(store_id)
    return ReservationConflict()


async def units_of_orders(
    session: AsyncSession, order_ids: Sequence[UUID]
) -> dict[UUID, dict[UUID, dict[UUID, int]]]:
    """The reserved or sold units of each order that has any, by store and product.

    A batch reads them after it has locked the stock rows, to see those of a concurrent batch.
    """
    units: dict[UUID, dict[UUID, dict[UUID, int]]] = {}
    rows = await session.execute(UNITS_OF_ORDERS, {"orders": [*order_ids]})
    for order_id, store_id, product_id, quantity in rows:
        units.setdefault(order_id, {}).setdefault(store_id, {})[product_id] = quantity
    return units
