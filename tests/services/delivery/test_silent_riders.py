"""Riders who accepted a delivery and send no positions any more."""

from collections.abc import AsyncIterator

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from jobs import delivery as jobs
from models.delivery import Delivery
from models.riders import Rider
from services.delivery import deliveries
from services.delivery.deliveries import MAX_RIDER_SILENCE_SECONDS
from services.events.event_log import order_stream
from tests.support import riders
from tests.support.city import City
from tests.support.paid_orders import OrderDependencies, order_dependencies
from tests.support.store_staff import event_types


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    async with order_dependencies(database) as running:
        yield running


async def test_a_silent_rider_loses_a_delivery_before_pickup(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    order, _, _, delivery, _ = await riders.assigned_delivery(dependencies, city)
    await riders.backdate_assignment(database, delivery, MAX_RIDER_SILENCE_SECONDS + 10)
    await riders.age_positions(database, city, MAX_RIDER_SILENCE_SECONDS - 20)
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


async def test_a_silent_rider_keeps_a_delivery_after_pickup(
    dependencies: OrderDependencies, city: City
) -> None:
    _, delivery, _ = await riders.delivery_at_customer(dependencies, city)
    await riders.backdate_assignment(dependencies.database, delivery, 2 * MAX_RIDER_SILENCE_SECONDS)
    await riders.age_positions(dependencies.database, city, 2 * MAX_RIDER_SILENCE_SECONDS)
    assert not await is_unassigned_by_job(dependencies.database, delivery)


async def is_unassigned_by_job(database: Database, delivery: Delivery) -> bool:
    """Run the job for silent riders; whether it took this delivery from its rider."""
    async with database.read(PLATFORM) as session:
        is_silent = delivery.id in await deliveries.deliveries_of_silent_riders(session, 50)
    assert bool(await jobs.unassign_silent_riders(database)) or not is_silent
    async with database.read(PLATFORM) as session:
        delivery_now = await session.get_one(Delivery, delivery.id)
        return is_silent and delivery_now.rider_id is None
