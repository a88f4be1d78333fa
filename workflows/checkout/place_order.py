"""Places an order in three steps: read the inputs, reserve the units, write the order.

A refusal after the second step releases the reservations; a crash leaves them without an order, and
either a repetition of the request takes them over or the sweeper releases them. The payment is
opened after the commit by `settle_payment`, or by its job when this process dies first.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from database.audit import AuditContext
from database.base import uuid7
from database.scope import PLATFORM
from database.sessions import Database
from models.events import OrderEventKind
from models.identity import Actor
from models.ids import encode_id
from models.orders import Order
from models.payments import Payment
from services.carts import order_requests, sourcing_plans
from services.carts.baskets import OrderRequest
from services.carts.sourcing_plans import SourcingPlan
from services.checkout import new_orders, order_guards, unpaid_limits
from services.checkout.order_guards import PlannedOrder
from services.checkout.unpaid_limits import (
    DEFAULT_LIMITS,
    NO_SOURCE,
    OrderSource,
    Payer,
    UnpaidLimits,
    UnpaidOrders,
)
from services.core import idempotency
from services.core.idempotency import IdempotentRequest, RowReservation
from services.core.problems import DomainError, not_found
from services.events.event_log import record_order_event
from services.orders import orders
from services.payments import payments
from services.stock.reservation_decisions import UnitsByStore
from workflows.checkout.order_inputs import OrderInputs, read_order_inputs
from workflows.checkout.unit_reserver import UnitReserver, reserve_units
from workflows.stock.reservation_batcher import ReservationBatcher

First = TypeVar("First")
Second = TypeVar("Second")


class PlaceOrderDependencies(Protocol):
    """What placing an order needs from the process."""

    @property
    def database(self) -> Database: ...
    @property
    def reservation_queue(self) -> ReservationBatcher: ...


@dataclass(frozen=True, slots=True)
class PlaceOrderCall:
    """Who asks for an order, from where, and which one."""

    actor: Actor
    origin: AuditContext
    order_request: OrderRequest
    idempotent_request: IdempotentRequest | None
    source: OrderSource
    limits: UnpaidLimits


@dataclass(frozen=True, slots=True)
class PlaceOrderResult:
    """The order, and whether an earlier equal request had placed it."""

    order: Order
    replayed: bool = False
    payment: Payment | None = None
    """The payment to open at the provider, if this request placed the order."""


async def place(
    dependencies: PlaceOrderDependencies,
    *,
    actor: Actor,
    origin: AuditContext,
    order_request: OrderRequest,
    idempotent_request: IdempotentRequest | None = None,
    source: OrderSource = NO_SOURCE,
    limits: UnpaidLimits = DEFAULT_LIMITS,
) -> PlaceOrderResult:
    """Place an order at the nearest store that has everything in stock.

    With an idempotent request, equal requests place one order and return it. Raises DomainError
    with all problems of the nearest store when no store can deliver, EmptyCart or VersionConflict
    when the cart is ordered or changed at the same time, KeyReused when the arguments differ.
    """
    call = PlaceOrderCall(actor, origin, order_request, idempotent_request, source, limits)
    if actor.person_id is None:
        raise not_found(Order)
    order_requests.validate_request(call.order_request)
    database = dependencies.database
    key, inputs = await _run_both(
        _reserve_key(database, call), read_order_inputs(database, call.actor, call.order_request)
    )
    if key.exists:
        return await _replay(database, call.actor, key.row_key)
    try:
        if isinstance(inputs, DomainError):
            raise inputs
        return await _reserve_and_write(dependencies, call, key, inputs)
    except DomainError:
        # An equal request may have been faster and emptied the cart that this one read.
        if order_id := await _placed_order(database, call):
            return await _replay(database, call.actor, order_id)
        raise


async def _run_both(
    first: Awaitable[First], second: Awaitable[Second]
) -> tuple[First, Second | DomainError]:
    """Run both at the same time; returns both results, or the error that the second one raised."""
    first_task = asyncio.ensure_future(first)
    result: Second | DomainError
    try:
        result = await second
    except DomainError as error:
        result = error
    except BaseException:
        first_task.cancel()
        await asyncio.gather(first_task, return_exceptions=True)  # its error is that of the second
        raise
    return await first_task, result


async def _reserve_key(database: Database, call: PlaceOrderCall) -> RowReservation:
    if call.idempotent_request is None:
        return RowReservation(uuid7())
    async with database.write(call.actor.scope(), call.origin) as session:
        return await idempotency.reserve(session, call.idempotent_request, uuid7())


async def _placed_order(database: Database, call: PlaceOrderCall) -> UUID | None:
    """The order that an equal request has placed meanwhile."""
    if call.idempotent_request is None:
        return None
    async with database.read(call.actor.scope()) as session:
        return await idempotency.created_row(session, call.idempotent_request)


async def _replay(database: Database, actor: Actor, order_id: UUID) -> PlaceOrderResult:
    async with database.read(actor.scope()) as session:
        return PlaceOrderResult(await orders.visible_order(session, order_id), replayed=True)


async def _reserve_and_write(
    dependencies: PlaceOrderDependencies,
    call: PlaceOrderCall,
    key: RowReservation,
    inputs: OrderInputs,
) -> PlaceOrderResult:
    database, batcher = dependencies.database, dependencies.reservation_queue
    payer = Payer(inputs.target.customer_id, call.source)
    seconds = call.limits.payment_seconds(inputs.timers.payment_seconds, inputs.target.guest)
    reserver = UnitReserver(database, batcher, key.row_key, seconds)
    own_units = await reserver.own_units() if key.repeated else {}
    plans = await _plans(database, call, inputs, payer, own_units)
    plan = await reserve_units(reserver, plans)
    planned = PlannedOrder(key.row_key, plan, payer, call.limits)
    try:
        return await _write(database, call, planned, inputs, seconds)
    except (DomainError, idempotency.KeyReused):
        await reserver.release(plan)
        raise


async def _plans(
    database: Database,
    call: PlaceOrderCall,
    inputs: OrderInputs,
    payer: Payer,
    own_units: UnitsByStore,
) -> list[SourcingPlan]:
    """The plans of the candidate stores, with the problems of unpaid orders among theirs."""
    request, carts = call.order_request, inputs.carts
    candidates = sourcing_plans.candidate_stores(request, inputs.coverage)
    stores = [candidate.store.id for candidate in candidates]
    products = sourcing_plans.requested_products(request, candidates, carts)

    async def plan_sourcing() -> list[SourcingPlan]:
        async with database.read_public() as session:
            plans = await sourcing_plans.plan_sourcing(
                session, request, candidates, carts, own_units
            )
            return await new_orders.add_late_problems(
                session, plans, inputs.target, request.expected_p90_seconds
            )

    reading_unpaid = _read_unpaid(database, payer, stores, products)
    unpaid, plans = await _run_both(reading_unpaid, plan_sourcing())
    if isinstance(plans, DomainError):
        raise plans
    unpaid_limits.check_orders(call.limits, unpaid)
    return [unpaid_limits.add_problems(call.limits, plan, unpaid) for plan in plans]


async def _read_unpaid(
    database: Database, payer: Payer, stores: Sequence[UUID], products: Sequence[UUID]
) -> UnpaidOrders:
    async with database.read(PLATFORM) as session:
        return await unpaid_limits.read_unpaid(session, payer, stores, products)


async def _write(
    database: Database,
    call: PlaceOrderCall,
    planned: PlannedOrder,
    inputs: OrderInputs,
    payment_seconds: int,
) -> PlaceOrderResult:
    """Write the order, its lines, payment and first event; remove its lines from the cart."""
    order_id, plan = planned.order_id, planned.plan
    scope = call.actor.scope().with_company(plan.serving_store.company.id)
    async with database.write(scope, call.origin) as session:
        outcome = {"id": encode_id(Order, order_id)}
        if call.idempotent_request is not None and not await idempotency.finish(
            session, call.idempotent_request, order_id, outcome
        ):
            return PlaceOrderResult(await orders.visible_order(session, order_id), replayed=True)
        await order_guards.take_cart_lines(session, planned)
        await order_guards.lock_customer_and_units(session, planned)
        order = await new_orders.build_order(session, planned, inputs.target, payment_seconds)
        session.add(order)
        await session.flush()
        session.add_all(new_orders.build_order_lines(order, plan))
        payment = await payments.create_payment(session, order)
        record_order_event(
            session,
            order,
            OrderEventKind.ORDER_PLACED,
            code=order.code,
            total_minor=order.total_minor,
            currency=order.currency,
            lines=len(plan.lines),
        )
    return PlaceOrderResult(order, payment=payment)
