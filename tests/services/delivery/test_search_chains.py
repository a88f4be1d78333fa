"""A search for a rider ends, also when there is always somebody who accepts and is lost again."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import func, update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import delivery as jobs
from models.delivery import Delivery, DeliveryOffer, DeliveryStatus
from models.events import OrderEventKind
from models.identity import Actor
from models.orders import Order, OrderCancelReason, OrderStatus
from models.timers import DEFAULT_TIMERS
from services.delivery import deliveries, rider_release, silent_riders
from services.delivery.search_escalation import (
    MAX_LOST_RIDERS,
    MAX_SEARCH_RESTARTS,
    SEARCH_STEPS,
)
from services.events.event_log import order_stream
from tests.support import riders
from tests.support.carried_bags import open_cases
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.order_timers import set_timers
from tests.support.paid_orders import OrderDependencies, payment_of, reload_order
from tests.support.store_staff import event_types

RIDE_SECONDS = 300
"""How long each rider of a chain has the delivery before they are lost."""
Loss = Callable[[Database, City, Delivery, Actor, Actor], Awaitable[object]]


async def fall_silent(
    database: Database, city: City, delivery: Delivery, rider: Actor, staff: Actor
) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        assert await silent_riders.unassign_silent_rider(session, delivery.id)


async def be_unassigned(
    database: Database, city: City, delivery: Delivery, rider: Actor, staff: Actor
) -> None:
    await riders.take_step(database, staff, delivery, deliveries.unassign)


async def be_dismissed(
    database: Database, city: City, delivery: Delivery, rider: Actor, staff: Actor
) -> None:
    assert rider.person_id is not None
    async with database.write(PLATFORM, ORIGIN) as session:
        assert await rider_release.release_rides(session, person_id=rider.person_id) == 1


@pytest.mark.parametrize("lose", [fall_silent, be_unassigned, be_dismissed])
async def test_a_chain_of_riders_who_are_lost_comes_to_an_end(
    dependencies: OrderDependencies, city: City, lose: Loss
) -> None:
    """One rider after another accepts and goes silent, is unassigned, or is dismissed: each began
    the search anew, so that neither store nor support were told, and the customer waited for ever.
    """
    database = dependencies.database
    await riders.bring_online(database, city, 0)
    order, _, staff, delivery = await riders.accepted_order(dependencies, city)
    most = MAX_SEARCH_RESTARTS + DEFAULT_TIMERS.search_end_seconds // RIDE_SECONDS
    lost = 0
    while (offer := await next_offer(database, delivery)) is not None:
        number = [rider.person_id for rider in city.riders].index(offer.rider_person_id)
        rider = riders.as_actor(city.riders[number])
        accepted = await riders.accept(database, rider, offer)
        assert accepted.status is DeliveryStatus.ASSIGNED
        await pass_time(database, city, delivery, RIDE_SECONDS)
        await riders.bring_online(database, city, 1 - number)
        await lose(database, city, delivery, rider, staff)
        lost += 1
        assert lost <= most
    assert lost == most
    assert await open_cases(database, order) != []
    await jobs.advance_deliveries(database)
    canceled = await reload_order(database, order)
    assert (canceled.status, canceled.cancel_reason) == (
        OrderStatus.CANCELED, OrderCancelReason.NO_RIDER_AVAILABLE,
    )  # fmt: skip
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    assert payment.void_wanted or not payment.captured_amount_minor
    seen = await event_types(database, order_stream(order.id))
    for step in SEARCH_STEPS:
        assert step.event_type is None or step.event_type in seen
    assert OrderEventKind.DELIVERY_CANCEL_OFFERED in seen
    assert await open_cases(database, order) == []


@pytest.mark.parametrize("end_seconds", [1_800, 300])
async def test_a_rider_who_is_lost_late_costs_the_order_no_search(
    dependencies: OrderDependencies, city: City, end_seconds: int
) -> None:
    """Each rider waits in the store for an hour and goes silent: the third one who was lost ended
    the search at once, with packed bags, though the next rider would have got an offer.
    """
    database = dependencies.database
    order, delivery = await lose_late(dependencies, city, MAX_LOST_RIDERS - 1, end_seconds)
    assert await next_offer(database, delivery) is not None
    assert (await riders.delivery_of(database, order)).status is DeliveryStatus.OFFERED


async def test_riders_who_are_lost_late_come_to_an_end_too(
    dependencies: OrderDependencies, city: City
) -> None:
    """Hour after hour another rider goes silent: the customer does not wait for ever."""
    database = dependencies.database
    order, delivery = await lose_late(dependencies, city, MAX_LOST_RIDERS)
    assert await next_offer(database, delivery) is None
    await jobs.advance_deliveries(database)
    assert (
        await reload_order(database, order)
    ).cancel_reason is OrderCancelReason.NO_RIDER_AVAILABLE


async def lose_late(
    dependencies: OrderDependencies, city: City, lost: int, end_seconds: int = 1_800
) -> tuple[Order, Delivery]:
    """The order and the delivery of which `lost` riders went silent, each after an hour."""
    database = dependencies.database
    timers = {"search_cancel_offer_seconds": min(600, end_seconds)}
    await set_timers(database, city, search_end_seconds=end_seconds, **timers)
    await riders.bring_online(database, city, 0)
    order, _, staff, delivery = await riders.accepted_order(dependencies, city)
    for number in range(lost):
        offer = await next_offer(database, delivery)
        assert offer is not None, f"no offer after {number} riders were lost"
        rider = riders.as_actor(city.riders[number % 2])
        await riders.accept(database, rider, offer)
        await pass_time(database, city, delivery, 3_600)
        await riders.bring_online(database, city, 1 - number % 2)
        await fall_silent(database, city, delivery, rider, staff)
    return order, delivery


async def next_offer(database: Database, delivery: Delivery) -> DeliveryOffer | None:
    """The open offer, or that of the next round: riders get one offer in each."""
    offer = await riders.open_offer(database, delivery)
    if offer is None and await riders.expire_offer(database, delivery):
        offer = await riders.open_offer(database, delivery)
    return offer


async def pass_time(database: Database, city: City, delivery: Delivery, seconds: float) -> None:
    """Move the search, its rider's assignment and all positions into the past."""
    async with database.write(PLATFORM, ORIGIN) as session:
        past = func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        times = (Delivery.search_started_at, Delivery.assigned_at)
        statement = update(Delivery).where(Delivery.id == delivery.id)
        await session.execute(statement.values({time: time - past for time in times}))
    await riders.age_positions(database, city, seconds)
