"""Riders who took a ride and are not heard of any more."""

from collections.abc import AsyncIterator

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from jobs import delivery as jobs
from models.delivery import Delivery, Rider
from services.delivery import deliveries
from services.delivery.deliveries import SILENT_SECONDS
from services.events.event_log import order_stream
from tests.support import riders
from tests.support.city import City
from tests.support.paid_orders import Doors, opened
from tests.support.store_staff import told


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as made:
        yield made


async def test_a_rider_who_is_not_heard_of_loses_a_ride_whose_bags_are_in_the_store(
    doors: Doors, city: City
) -> None:
    database = doors.database
    order, _, _, delivery, _ = await riders.assigned(doors, city)
    await riders.assigned_before(database, delivery, SILENT_SECONDS + 10)
    await riders.a_while_later(database, city, SILENT_SECONDS - 20)
    assert not await unassigned(database, delivery)
    second = await riders.online(database, city, 1, north_m=700)
    await riders.a_while_later(database, city, 25)
    assert await unassigned(database, delivery)
    assert not await unassigned(database, delivery)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    assert offer.rider_person_id == second.person_id
    async with database.read(PLATFORM) as session:
        first = await session.get_one(Rider, city.riders[0].id)
    assert first.live_delivery_id is None
    kinds = await told(database, order_stream(order.id))
    assert kinds[-2:] == ["DELIVERY_SEARCHING", "DELIVERY_OFFERED"]


async def test_a_rider_who_holds_the_bags_keeps_the_ride_though_not_heard_of(
    doors: Doors, city: City
) -> None:
    _, delivery, _ = await riders.at_the_door(doors, city)
    await riders.assigned_before(doors.database, delivery, 2 * SILENT_SECONDS)
    await riders.a_while_later(doors.database, city, 2 * SILENT_SECONDS)
    assert not await unassigned(doors.database, delivery)


async def unassigned(database: Database, delivery: Delivery) -> bool:
    """Let the job look for silent riders; whether it took this ride from its rider."""
    async with database.read(PLATFORM) as session:
        found = delivery.id in await deliveries.silent(session, 50)
    assert bool(await jobs.unassign_silent(database)) or not found
    async with database.read(PLATFORM) as session:
        now = await session.get_one(Delivery, delivery.id)
        return found and now.rider_id is None
