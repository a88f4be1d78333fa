"""Places an order in three steps: read the inputs, reserve the units, write the order.

A crash between the steps leaves reservations without an order, which the sweeper releases. The
payment is opened after the commit by `settle_payment`, or by its job when this process dies first.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.audit import AuditContext
from database.base import uuid7
from database.sessions import Database
from database.statements import prepared
from models.accounts import Person
from models.events import EventType
from models.identity import Actor
from models.ids import encode_id
from models.orders import Order
from models.payments import Payment
from services.carts import baskets, order_requests
from services.carts.basket_problems import PriceChanged, shortages
from services.carts.baskets import DeliveryTarget, OrderRequest, SourcingPlan
from services.checkout import new_orders
from services.core import clock, idempotency
from services.core.problems import DomainError, Problem, not_found
from services.events.event_log import record_order_event
from services.orders import order_states, orders
from services.payments import payments
from services.stock import reservation_decisions, reservations
from workflows.checkout.order_inputs import OrderInputs, read_order_inputs
from workflows.stock import reservation_batcher

RESERVATION_SECONDS = order_states.PAYMENT_WINDOW_SECONDS + reservations.RESERVATION_GRACE_SECONDS
# The lock that the order's foreign key takes anyway; a sign-in that merges the guest waits.
LOCK_CUSTOMER = prepared(
    select(Person.merged_into_id, clock.CLOCK_TIMESTAMP)
    .where(Person.id == bindparam("person"))
    .with_for_update(read=True, key_share=True)
)
# Removes the ordered products from the customer's cart; products added since then stay.
REMOVE_ORDERED_CART_LINES = prepared(
    text(
        """
    with ordered_cart as (
        select id from cart where person_id = :customer and company_id = :company
    ), removed_line as (
        delete from cart_line
        where cart_id in (select id from ordered_cart) and product_id = any(:products)
        returning 1
    )
    update cart set version = version + 1, updated_at = clock_timestamp()
    where id in (select id from ordered_cart) and exists (select from removed_line)
    """
    ).bindparams(
        bindparam("customer", type_=Uuid),
        bindparam("company", type_=Uuid),
        bindparam("products", type_=ARRAY(Uuid)),
    )
)
First = TypeVar("First")
Second = TypeVar("Second")


class PlaceOrderDependencies(Protocol):
    """What placing an order needs from the process."""

    @property
    def database(self) -> Database: ...
    @property
    def reservation_queue(self) -> reservation_batcher.ReservationBatcher: ...


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
    idempotent_request: idempotency.IdempotentRequest | None = None,
) -> PlaceOrderResult:
    """Place an order at the nearest store that has everything in stock.

    With an idempotent request, equal requests place one order and return it. Raises DomainError
    with all problems of the nearest store when no store can deliver, KeyReused when the arguments
    differ.
    """
    if actor.person_id is None:
        raise not_found(Order)
    order_requests.validate_request(order_request)
    reserving_key = _reserve_key(dependencies.database, actor, origin, idempotent_request)
    (order_id, replayed), inputs = await _run_both(
        reserving_key, read_order_inputs(dependencies.database, actor, order_request)
    )
    if replayed:
        return await _replay(dependencies.database, actor, order_id)
    try:
        if isinstance(inputs, DomainError):
            raise inputs
        plan = await _plan(dependencies, order_id, order_request, inputs)
        return await _write(
            dependencies.database, actor, origin, idempotent_request, order_id, inputs.target, plan
        )
    except DomainError:
        # An equal request may have been faster and emptied the cart that this one read.
        if (await _reserve_key(dependencies.database, actor, origin, idempotent_request))[1]:
            return await _replay(dependencies.database, actor, order_id)
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
        raise
    return await first_task, result


async def _reserve_key(
    database: Database,
    actor: Actor,
    origin: AuditContext,
    idempotent_request: idempotency.IdempotentRequest | None,
) -> tuple[UUID, bool]:
    if idempotent_request is None:
        return uuid7(), False
    async with database.write(actor.scope(), origin) as session:
        return await idempotency.reserve(session, idempotent_request, uuid7())


async def _replay(database: Database, actor: Actor, order_id: UUID) -> PlaceOrderResult:
    async with database.read(actor.scope()) as session:
        return PlaceOrderResult(await orders.visible_order(session, order_id), replayed=True)


async def _plan(
    dependencies: PlaceOrderDependencies,
    order_id: UUID,
    order_request: OrderRequest,
    inputs: OrderInputs,
) -> SourcingPlan:
    """The sourcing plan of the store that has now reserved everything."""
    async with dependencies.database.read_public() as session:
        plans = await baskets.plan_sourcing(session, order_request, inputs.coverage, inputs.carts)
    return await _reserve_units(dependencies.reservation_queue, order_id, plans)


async def _reserve_units(
    batcher: reservation_batcher.ReservationBatcher, order_id: UUID, plans: Sequence[SourcingPlan]
) -> SourcingPlan:
    """Reserve the units of the first possible plan; returns the plan of the store that has them.

    Raises DomainError with the problems of the nearest store.
    """
    problems_by_plan: list[list[Problem]] = []
    for plan in plans:
        if plan.problems:
            problems_by_plan.append(list(plan.problems))
            continue
        store = plan.serving_store.store
        result = await batcher.reserve(
            store.company_id, store.id, order_id, plan.units, RESERVATION_SECONDS
        )
        if isinstance(result, reservation_decisions.ReservationSuccess):
            return next(
                candidate
                for candidate in plans
                if candidate.serving_store.store.id == result.store_id
            )
        problems_by_plan.append([*shortages(plan.line_numbers, result.shortages)])
    nearest, *others = problems_by_plan
    # A more distant store could deliver everything, at another total than the client showed.
    price_changes = [
        problems[0]
        for problems in others
        if len(problems) == 1 and isinstance(problems[0], PriceChanged)
    ]
    price_changed = any(isinstance(problem, PriceChanged) for problem in nearest)
    raise DomainError(*nearest, *([] if price_changed else price_changes[:1]))


async def _write(
    database: Database,
    actor: Actor,
    origin: AuditContext,
    idempotent_request: idempotency.IdempotentRequest | None,
    order_id: UUID,
    target: DeliveryTarget,
    plan: SourcingPlan,
) -> PlaceOrderResult:
    """Write the order, its lines, payment and first event; remove its lines from the cart."""
    scope = actor.scope().with_company(plan.serving_store.company.id)
    async with database.write(scope, origin) as session:
        outcome = {"id": encode_id(Order, order_id)}
        if idempotent_request is not None and not await idempotency.finish(
            session, idempotent_request, order_id, outcome
        ):
            return PlaceOrderResult(await orders.visible_order(session, order_id), replayed=True)
        await _lock_customer(session, target.customer_id)
        order = await new_orders.build_order(session, order_id, target, plan)
        session.add(order)
        await session.flush()
        session.add_all(new_orders.build_order_lines(order, plan))
        payment = await payments.create_payment(session, order)
        cart = {"customer": order.customer_id, "company": order.company_id}
        await session.execute(REMOVE_ORDERED_CART_LINES, cart | {"products": list(plan.units)})
        record_order_event(
            session,
            order,
            EventType.ORDER_PLACED,
            code=order.code,
            total_minor=order.total_minor,
            currency=order.currency,
            lines=len(plan.lines),
        )
    return PlaceOrderResult(order, payment=payment)


async def _lock_customer(session: AsyncSession, customer_id: UUID) -> None:
    """Lock the customer.

    Raises DomainError: NotFound for a guest who was merged into an account.
    """
    row = (await session.execute(LOCK_CUSTOMER, {"person": customer_id})).first()
    if row is None or row[0] is not None:
        raise not_found(Person)
    clock.set_current_time(session, row[1])
