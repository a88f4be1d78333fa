"""Reads the inputs of a new order: its destination, the cart and the stores that serve it."""

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.sessions import Database
from models.geo_point import Point
from models.identity import Actor
from models.orders import FulfillmentMethod, Order
from models.timers import DEFAULT_TIMERS, CompanyTimers, timers_with
from services.carts import baskets
from services.carts.baskets import DeliveryTarget, OrderRequest
from services.core.problems import not_found
from services.stores.coverage import Coverage, find_coverage
from services.stores.pickup import find_pickup_store


@dataclass(frozen=True, slots=True)
class OrderInputs:
    """The destination of an order, the cart lines of the customer, and the stores that serve it."""

    target: DeliveryTarget
    carts: baskets.CartsByCompany
    coverage: Coverage

    @property
    def timers(self) -> CompanyTimers:
        """Those of the nearest store, which gets the order."""
        if not self.coverage.serving_stores:
            return DEFAULT_TIMERS
        nearest = self.coverage.serving_stores[0]
        return timers_with(nearest.company.timer_overrides, nearest.store.timer_overrides)


async def read_order_inputs(
    database: Database, actor: Actor, order_request: OrderRequest
) -> OrderInputs:
    """Read the inputs of an order in as few round trips as possible.

    Raises DomainError: NotFound, InvalidInput.
    """
    if (customer_id := actor.person_id) is None:
        raise not_found(Order)
    pickup: Coverage | None = None
    if order_request.method is FulfillmentMethod.PICKUP and order_request.store_id is not None:
        pickup = await _read_pickup_store(database, order_request.store_id)
        order_request = replace(order_request, point=pickup.point)
    batcher = database.read_batcher(actor.scope())
    customer_reads = asyncio.gather(
        baskets.resolve_target(batcher.session(), customer_id, order_request),
        _read_carts(batcher.session(), customer_id, order_request),
    )
    if pickup is not None:
        target, carts = await customer_reads
        return OrderInputs(target, carts, pickup)
    if order_request.point is None:
        target, carts = await customer_reads
        return OrderInputs(
            target, carts, await _read_coverage(database, order_request, target.point)
        )
    (target, carts), coverage = await asyncio.gather(
        customer_reads, _read_coverage(database, order_request, order_request.point)
    )
    return OrderInputs(target, carts, coverage)


async def _read_carts(
    session: AsyncSession, customer_id: UUID, order_request: OrderRequest
) -> baskets.CartsByCompany:
    return await baskets.load_carts(session, customer_id) if order_request.lines is None else {}


async def _read_coverage(database: Database, order_request: OrderRequest, point: Point) -> Coverage:
    async with database.read_public() as session:
        return await find_coverage(session, point, company_id=order_request.company_id)


async def _read_pickup_store(database: Database, store_id: UUID) -> Coverage:
    async with database.read_public() as session:
        return await find_pickup_store(session, store_id)
