"""Places an order in three steps that each may be the last: read, hold the units, write.

A crash between them leaves holds without an order, which the sweeper gives back. Money is asked
for after the commit by `services.settlement`, and by its job when this process dies first.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from database.sessions import Database, Origin
from database.statements import kept
from models.accounts import Person
from models.events import EventType
from models.identity import Actor
from models.ids import encode
from models.orders import Order, OrderLine, OrderStatus
from models.payments import Payment
from services.carts import baskets
from services.carts.basket_problems import PriceChanged, shortages
from services.carts.baskets import Door, Plan, Wish
from services.core import clock, idempotency
from services.core.problems import Problem, Refused, not_found
from services.events.event_log import order_happened
from services.orders import orders
from services.payments import payments
from services.stock import reservation_decisions, reservations
from services.stores.delivery_estimates import promise
from workflows.checkout.order_inputs import Seen, seen_of
from workflows.stock import reservation_batcher

HOLD_SECONDS = orders.PAY_WITHIN_SECONDS + reservations.BEYOND_SECONDS
# The lock that the order's foreign key takes anyway: who signs in meanwhile waits, or has won.
STAYS = kept(
    select(Person.merged_into_id, clock.CLOCK)
    .where(Person.id == bindparam("person"))
    .with_for_update(read=True, key_share=True)
)
# What is ordered leaves the customer's cart; what came into it since stays.
EMPTY = kept(
    text(
        """
    with mine as (
        select id from cart where person_id = :customer and company_id = :company
    ), gone as (
        delete from cart_line
        where cart_id in (select id from mine) and product_id = any(:products)
        returning 1
    )
    update cart set version = version + 1, updated_at = clock_timestamp()
    where id in (select id from mine) and exists (select from gone)
    """
    ).bindparams(
        bindparam("customer", type_=Uuid),
        bindparam("company", type_=Uuid),
        bindparam("products", type_=ARRAY(Uuid)),
    )
)
First = TypeVar("First")
Second = TypeVar("Second")


class Doors(Protocol):
    """The handles of the process that placing an order needs."""

    @property
    def database(self) -> Database: ...
    @property
    def combiner(self) -> reservation_batcher.Combiner: ...


@dataclass(frozen=True, slots=True)
class Placed:
    """An order, and whether an equal request had placed it before."""

    order: Order
    replayed: bool = False
    payment: Payment | None = None
    """What is to be opened at the provider, when this request has placed the order."""


async def place(
    doors: Doors,
    *,
    actor: Actor,
    origin: Origin,
    wish: Wish,
    made: idempotency.Promise | None = None,
) -> Placed:
    """Place what the customer wishes for, in the nearest store that has all of it.

    Refused with every reason when no store can. With a promise, equal requests place one order
    and all answer it; KeyReused is raised when the arguments differ.
    """
    if actor.person_id is None:
        raise not_found(Order)
    baskets.checked(wish)
    begun = _reserve(doors.database, actor, origin, made)
    (order_id, done), seen = await _both(begun, seen_of(doors.database, actor, wish))
    if done:
        return await _replay(doors.database, actor, order_id)
    try:
        if isinstance(seen, Refused):
            raise seen
        plan = await _plan(doors, order_id, wish, seen)
        return await _write(doors.database, actor, origin, made, order_id, seen.door, plan)
    except Refused:
        # An equal request may have won meanwhile, and emptied the cart that this one read.
        if (await _reserve(doors.database, actor, origin, made))[1]:
            return await _replay(doors.database, actor, order_id)
        raise


async def _both(
    first: Awaitable[First], second: Awaitable[Second]
) -> tuple[First, Second | Refused]:
    """Do both at once; the answer of the second one, or why it is refused."""
    doing = asyncio.ensure_future(first)
    answer: Second | Refused
    try:
        answer = await second
    except Refused as refused:
        answer = refused
    except BaseException:
        doing.cancel()
        raise
    return await doing, answer


async def _reserve(
    database: Database, actor: Actor, origin: Origin, made: idempotency.Promise | None
) -> tuple[UUID, bool]:
    if made is None:
        return uuid7(), False
    async with database.write(actor.scope(), origin) as session:
        return await idempotency.reserve(session, made, uuid7())


async def _replay(database: Database, actor: Actor, order_id: UUID) -> Placed:
    async with database.read(actor.scope()) as session:
        return Placed(await orders.visible(session, order_id), replayed=True)


async def _plan(doors: Doors, order_id: UUID, wish: Wish, seen: Seen) -> Plan:
    """What is ordered, of the store which now holds it all."""
    async with doors.database.public() as session:
        plans = await baskets.plans(session, wish, seen.covered, seen.cart)
    return await _hold(doors.combiner, order_id, plans)


async def _hold(
    combiner: reservation_batcher.Combiner, order_id: UUID, plans: Sequence[Plan]
) -> Plan:
    """The first plan whose store holds everything now; refused with the reasons of the nearest."""
    reasons: list[list[Problem]] = []
    for plan in plans:
        if plan.problems:
            reasons.append(list(plan.problems))
            continue
        place = plan.serving.store
        answer = await combiner.hold(place.company_id, place.id, order_id, plan.units, HOLD_SECONDS)
        if isinstance(answer, reservation_decisions.Held):
            return next(one for one in plans if one.serving.store.id == answer.store_id)
        reasons.append([*shortages(plan.places, answer.lines)])
    nearest, *others = reasons
    # A store further off could bring it all, at another price than the one that was shown.
    dearer = [one[0] for one in others if len(one) == 1 and isinstance(one[0], PriceChanged)]
    known = any(isinstance(problem, PriceChanged) for problem in nearest)
    raise Refused(*nearest, *([] if known else dearer[:1]))


async def _write(
    database: Database,
    actor: Actor,
    origin: Origin,
    made: idempotency.Promise | None,
    order_id: UUID,
    door: Door,
    plan: Plan,
) -> Placed:
    """The order with its lines, payment and first event, and the cart without what is ordered."""
    scope = actor.scope().with_company(plan.serving.company.id)
    async with database.write(scope, origin) as session:
        stored = {"id": encode(Order, order_id)}
        if made is not None and not await idempotency.finish(session, made, order_id, stored):
            return Placed(await orders.visible(session, order_id), replayed=True)
        await _stays(session, door.customer_id)
        order = await _order(session, order_id, door, plan)
        session.add(order)
        await session.flush()
        session.add_all(_lines(order, plan))
        paying = await payments.begin(session, order)
        await session.execute(
            EMPTY,
            {
                "customer": order.customer_id,
                "company": order.company_id,
                "products": list(plan.units),
            },
        )
        order_happened(
            session,
            order,
            EventType.ORDER_PLACED,
            code=order.code,
            total_minor=order.total_minor,
            currency=order.currency,
            lines=len(plan.wanted),
        )
    return Placed(order, payment=paying)


async def _stays(session: AsyncSession, customer_id: UUID) -> None:
    """Hold the customer as they are; refused for a guest whose orders went to an account."""
    found = (await session.execute(STAYS, {"person": customer_id})).first()
    if found is None or found[0] is not None:
        raise not_found(Person)
    clock.hear(session, found[1])


async def _order(session: AsyncSession, order_id: UUID, door: Door, plan: Plan) -> Order:
    serving, quote, now = plan.serving, plan.quote, await clock.moment(session)
    made = promise(
        distance_m=serving.distance_m,
        preparation_seconds=serving.store.preparation_seconds,
        fee_minor=quote.delivery_fee_minor,
        currency=quote.currency,
        now=now,
    )
    return Order(
        id=order_id,
        company_id=serving.company.id,
        customer_id=door.customer_id,
        store_id=serving.store.id,
        code=orders.new_code(),
        customer_name=door.customer_name,
        status=OrderStatus.PLACED,
        currency=quote.currency,
        items_minor=quote.items_minor,
        delivery_fee_minor=quote.delivery_fee_minor,
        small_order_fee_minor=quote.small_order_fee_minor,
        discount_minor=quote.discount_minor,
        tip_minor=quote.tip_minor,
        tax_minor=quote.tax_minor,
        total_minor=quote.total_minor,
        headroom_minor=quote.headroom_minor,
        latitude=door.point.latitude,
        longitude=door.point.longitude,
        address_line=door.address_line,
        drop_note=door.drop_note,
        distance_m=serving.distance_m,
        promise_p50_seconds=made.p50_seconds,
        promise_p90_seconds=made.p90_seconds,
        delivery_pin=orders.new_pin(),
        due_at=now + timedelta(seconds=orders.PAY_WITHIN_SECONDS),
    )


def _lines(order: Order, plan: Plan) -> list[OrderLine]:
    prices = {line.product_id: line for line in plan.quote.lines}
    bp = plan.serving.company.weighed_headroom_bp
    return [
        OrderLine(
            order_id=order.id,
            company_id=order.company_id,
            customer_id=order.customer_id,
            product_id=one.product_id,
            position=position,
            name=plan.names[one.product_id],
            currency=order.currency,
            unit_price_minor=prices[one.product_id].unit_price_minor,
            quantity=one.quantity,
            total_minor=prices[one.product_id].total_minor,
            unit_grams=prices[one.product_id].unit_grams,
            kilo_price_minor=prices[one.product_id].kilo_price_minor,
            headroom_minor=prices[one.product_id].headroom_minor(bp),
            substitution=one.substitution,
        )
        for position, one in enumerate(plan.wanted)
    ]
