"""Riders who accepted a delivery and send no positions any more."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import delivery as jobs
from models.delivery import Delivery, DeliveryStatus
from models.events import OrderEventKind
from models.riders import Rider
from models.support import Ticket, TicketCategory
from models.timers import DEFAULT_TIMERS
from services.delivery import silent_riders
from services.events.event_log import order_stream, rider_stream, store_queue_stream
from tests.support import riders
from tests.support.carried_bags import CARRYING, carried_bags, open_cases
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.ride_waits import check_carrier, fall_silent
from tests.support.paid_orders import OrderDependencies
from tests.support.store_staff import event_types
from tests.support.tickets import resolve_cases

ASKED = "POSITION_REQUESTED"


async def test_a_silent_rider_loses_a_delivery_before_pickup(
    dependencies: OrderDependencies, city: City
) -> None:
    """The phone dies on the way to the store: the bags would wait there for nobody."""
    database, seconds = dependencies.database, DEFAULT_TIMERS.rider_silence_seconds
    order, _, _, delivery, _ = await riders.assigned_delivery(dependencies, city)
    await riders.backdate_assignment(database, delivery, seconds + 10)
    await riders.age_positions(database, city, seconds - 20)
    assert not await is_unassigned_by_job(database, delivery)
    second = await riders.bring_online(database, city, 1, north_m=700)
    await riders.age_positions(database, city, 25)
    assert await is_unassigned_by_job(database, delivery)
    assert not await is_unassigned_by_job(database, delivery)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    assert offer.rider_person_id == second.person_id
    async with database.read(PLATFORM) as session:
        first = await session.get_one(Rider, city.riders[0].id)
    assert first.live_delivery_id is None
    types = await event_types(database, order_stream(order.id))
    assert types[-2:] == ["DELIVERY_SEARCHING", "DELIVERY_OFFERED"]


@pytest.mark.parametrize("status", CARRYING)
async def test_a_silent_rider_with_the_bags_is_asked_then_support_gets_a_case(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """After pickup the phone dies. Nobody but the rider can tell: the rider is asked after three
    minutes, support has a case after eight, and the delivery stays with the rider meanwhile.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, status)
    await fall_silent(database, city, bags.delivery, DEFAULT_TIMERS.rider_silence_seconds + 5)
    assert not await is_unassigned_by_job(database, bags.delivery)
    assert await check_carrier(database, bags.delivery)
    assert not await check_carrier(database, bags.delivery)  # once
    assert (await event_types(database, rider_stream(city.riders[0].id)))[-1] == ASKED
    assert await open_cases(database, bags.order) == []
    more_seconds = DEFAULT_TIMERS.rider_silence_case_seconds - DEFAULT_TIMERS.rider_silence_seconds
    await fall_silent(database, city, bags.delivery, more_seconds)
    assert await check_carrier(database, bags.delivery)
    assert not await check_carrier(database, bags.delivery)
    assert await open_cases(database, bags.order) == [TicketCategory.RIDER_SILENT]
    for stream in (order_stream(bags.order.id), store_queue_stream(city.near.id)):
        assert OrderEventKind.DELIVERY_RIDER_SILENT in await event_types(database, stream)
    now = await riders.delivery_of(database, bags.order)
    assert (now.status, now.rider_id) == (status, bags.delivery.rider_id)


async def test_the_case_ends_when_the_rider_is_heard_of_again(
    dependencies: OrderDependencies, city: City
) -> None:
    """A dead spot on the way: support would go on calling a rider who rides."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.EN_ROUTE_TO_CUSTOMER)
    await fall_silent(database, city, bags.delivery, DEFAULT_TIMERS.rider_silence_case_seconds + 5)
    assert await check_carrier(database, bags.delivery)
    assert await open_cases(database, bags.order) == [TicketCategory.RIDER_SILENT]
    await riders.report_position(database, bags.rider, city, city.latitude, city.longitude)
    assert await check_carrier(database, bags.delivery)
    assert await open_cases(database, bags.order) == []
    assert (await riders.delivery_of(database, bags.order)).silence_step == 0
    assert not await check_carrier(database, bags.delivery)


async def test_a_rider_who_stays_silent_is_a_case_again_after_it_was_resolved(
    dependencies: OrderDependencies, city: City
) -> None:
    """An agent resolves the case because the rider answered the phone, which then stays silent.

    Nobody used to be told again: the bags were with a rider whom nobody looked for.
    """
    database, seconds = dependencies.database, DEFAULT_TIMERS.rider_silence_case_seconds
    bags = await carried_bags(dependencies, city, DeliveryStatus.EN_ROUTE_TO_CUSTOMER)
    await fall_silent(database, city, bags.delivery, seconds + 5)
    assert await check_carrier(database, bags.delivery)
    for told in (2, 3):
        await resolve_cases(database, city, bags.order)
        assert not await check_carrier(database, bags.delivery)  # not before the same time again
        async with database.write(PLATFORM, ORIGIN) as session:
            earlier = Ticket.resolved_at - timedelta(seconds=seconds + 5)
            statement = update(Ticket).where(Ticket.order_id == bags.order.id)
            await session.execute(statement.values(resolved_at=earlier))
        assert await check_carrier(database, bags.delivery)
        assert not await check_carrier(database, bags.delivery)
        assert await open_cases(database, bags.order) == [TicketCategory.RIDER_SILENT]
        seen = await event_types(database, order_stream(bags.order.id))
        assert seen.count(OrderEventKind.DELIVERY_RIDER_SILENT) == told


async def is_unassigned_by_job(database: Database, delivery: Delivery) -> bool:
    """Run the job for silent riders; whether it took this delivery from its rider."""
    async with database.read(PLATFORM) as session:
        is_silent = (
            delivery.id in (await session.scalars(silent_riders.DELIVERIES_OF_SILENT_RIDERS)).all()
        )
    assert bool(await jobs.unassign_silent_riders(database)) or not is_silent
    async with database.read(PLATFORM) as session:
        delivery_now = await session.get_one(Delivery, delivery.id)
        return is_silent and delivery_now.rider_id is None
