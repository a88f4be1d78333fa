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


ReservationResult = ReservationSuccess | ReservationShortage


@dataclass(frozen=True, slots=True)
class ReservationRequest:
    """Units to reserve for an order in one store, by product."""

    company_id: UUID
    store_id: UUID
    order_id: UUID
    quantities: Mapping[UUID, int]
    hold_seconds: float


STORES_OF_ORDERS = prepared(
    text(
        """
    select distinct order_id, store_id from hold
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
    store_by_order = await _stores_of_orders(session, batch)
    results: list[ReservationResult] = []
    accepted: list[ReservationRequest] = []
    for request in batch:
        result = _decide(request, counters, store_by_order)
        results.append(result)
        if isinstance(result, ReservationSuccess) and request.order_id not in store_by_order:
            store_by_order[request.order_id] = request.store_id
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
    store_by_order: Mapping[UUID, UUID],
) -> ReservationResult:
    if request.order_id in store_by_order:
        return ReservationSuccess(store_by_order[request.order_id])
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


async def _stores_of_orders(
    session: AsyncSession, batch: Sequence[ReservationRequest]
) -> dict[UUID, UUID]:
    """The store of each order that has reservations already.

    Read after the rows are locked, so that reservations of a concurrent batch are seen.
    """
    order_ids = [request.order_id for request in batch]
    rows = await session.execute(STORES_OF_ORDERS, {"orders": order_ids})
    return dict(rows.all())
