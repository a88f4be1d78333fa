"""Reports of the provider that come doubled, late and in any order decide what one of each does.

Two processes may read an intent at different times and write what they have read the other way
round, whatever webhooks, polls and jobs do.
"""

from collections import Counter
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments.interface import IntentState
from models.events import Event
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderCancelReason, OrderStatus
from models.payments import Payment, PaymentStatus
from seed.payment_reports import payment_report
from services.checkout import cancellation, payment_outcomes
from services.events.event_log import order_stream
from tests.support import riders
from tests.support.city import City
from tests.support.customers import NO_LIMITS, ORIGIN, create_people, order_request
from tests.support.paid_orders import (
    OrderDependencies,
    fulfillments_of,
    payment_of,
    place_paid_order,
    reload_order,
    unexplained_stock,
    write_as,
)
from workflows.checkout import place_order

INITIATED, ASKED = IntentState.INITIATED, IntentState.ACTION_REQUIRED
HELD, CAPTURED, VOIDED = IntentState.AUTHORIZED, IntentState.CAPTURED, IntentState.VOIDED


def stories(*states: IntentState) -> list[tuple[IntentState, ...]]:
    """Each order of the reports, and then all of them once more, backwards."""
    return [(*one, *reversed(one)) for one in permutations(states)]


async def report(database: Database, order: Order, state: IntentState) -> None:
    """What the provider said at some time about the intent of the order's first payment."""
    async with database.write(PLATFORM, ORIGIN) as session:
        first = select(Payment).where(Payment.order_id == order.id).order_by(Payment.id).limit(1)
        payment = (await session.scalars(first)).one()
        charged = (await session.get_one(Order, order.id)).final_total_minor or 0
        intent = payment_report(payment, state, final_total_minor=charged)
        assert await payment_outcomes.apply_payment_state(session, intent) is not None


async def events_of(database: Database, order: Order) -> Counter[Any]:
    async with database.read(PLATFORM) as session:
        types = select(Event.type).where(Event.stream == order_stream(order.id))
        return Counter(await session.scalars(types))


async def attempts_of(database: Database, order: Order) -> list[PaymentStatus]:
    async with database.read(PLATFORM) as session:
        statuses = select(Payment.status).where(Payment.order_id == order.id)
        return list(await session.scalars(statuses))


@pytest.mark.parametrize("reports", stories(INITIATED, ASKED, HELD), ids="-".join)
async def test_an_order_is_confirmed_and_sold_once(
    reports: tuple[IntentState, ...], dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    (customer,) = await create_people(database)
    request = order_request(city, 2, (0, 1), age_confirmed=True)
    placed = await place_order.place(
        dependencies, actor=customer, origin=ORIGIN, order_request=request, limits=NO_LIMITS
    )
    for state in reports:
        await report(database, placed.order, state)
    order = await reload_order(database, placed.order)
    assert order.status is OrderStatus.CONFIRMED
    assert await attempts_of(database, order) == [PaymentStatus.AUTHORIZED]
    assert len(await fulfillments_of(database, order)) == 1
    assert (await events_of(database, order))["ORDER_CONFIRMED"] == 1
    assert await unexplained_stock(database, city) == []


@pytest.mark.parametrize("reports", stories(ASKED, HELD, CAPTURED), ids="-".join)
async def test_a_packed_order_is_captured_once(
    reports: tuple[IntentState, ...], dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    order, fulfillment, picker, _ = await riders.accepted_order(dependencies, city)
    await riders.pick_and_pack(dependencies, fulfillment, picker)
    for state in reports:
        await report(database, order, state)
    order = await reload_order(database, order)
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    assert payment.status is PaymentStatus.CAPTURED
    assert payment.captured_amount_minor == order.final_total_minor
    assert payment.capture_wanted_minor is None
    assert order.status is OrderStatus.CONFIRMED
    assert await attempts_of(database, order) == [PaymentStatus.CAPTURED]
    assert (await events_of(database, order))["PAYMENT_CAPTURED"] == 1


@pytest.mark.parametrize("reports", stories(ASKED, HELD, VOIDED), ids="-".join)
async def test_a_canceled_order_stays_canceled_and_its_payment_voided(
    reports: tuple[IntentState, ...], dependencies: OrderDependencies, city: City
) -> None:
    """The hold that is reported after the void neither confirms the order nor is captured."""
    database = dependencies.database
    (customer,) = await create_people(database)
    order = await place_paid_order(dependencies, city, customer=customer)
    actor = Actor(customer.person_id, grants=(Grant(Role.CUSTOMER),))
    async with write_as(database, actor, order.company_id) as session:
        await cancellation.cancel_order(
            session, actor=actor, order_id=order.id, reason=OrderCancelReason.CHANGED_MIND
        )
    for state in reports:
        await report(database, order, state)
    order = await reload_order(database, order)
    assert order.status is OrderStatus.CANCELED
    assert await attempts_of(database, order) == [PaymentStatus.VOIDED]
    events = await events_of(database, order)
    assert (events["ORDER_CANCELED"], events["PAYMENT_VOIDED"]) == (1, 1)
    assert await unexplained_stock(database, city) == []
