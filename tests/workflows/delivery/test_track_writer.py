"""The tracks of deliveries: which points are written, and how long they are kept."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import MAX_TRACK_BYTES, Delivery, DeliveryTrack
from models.geo_point import Point
from services.routing.track_codec import TrackPoint
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import OrderDependencies, order_dependencies
from tests.support.tracks import START, track_of, track_points
from tests.support.waiting import until
from workflows.delivery.track_writer import MAX_FLUSH_FAILURES, TrackWriter


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    async with order_dependencies(database) as running:
        yield running


async def test_a_full_track_takes_no_points_and_a_standing_rider_adds_few(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    *_, delivery, _ = await riders.assigned_delivery(dependencies, city)
    writer = TrackWriter(database)
    standing = [TrackPoint(START + timedelta(seconds=n), Point(41.0, -8.6)) for n in range(61)]
    writer.add_points(delivery.id, delivery.company_id, standing)
    await writer.flush()
    track = await track_of(database, delivery)
    assert track is not None
    assert track.point_count == 3
    async with database.write(PLATFORM, ORIGIN) as session:
        statement = update(DeliveryTrack).where(DeliveryTrack.delivery_id == delivery.id)
        await session.execute(statement.values(line=bytes(MAX_TRACK_BYTES)))
    writer.add_points(delivery.id, delivery.company_id, track_points(70)[65:])
    await writer.flush()
    track_after = await track_of(database, delivery)
    assert track_after is not None
    assert track_after.point_count == 3


async def test_a_flush_waits_for_the_points_that_another_one_writes(
    dependencies: OrderDependencies, city: City
) -> None:
    """The periodic flush had taken the points, so a second one and `close` found nothing to do."""
    *_, delivery, _ = await riders.assigned_delivery(dependencies, city)
    writer = TrackWriter(dependencies.database, flush_seconds=0.01)
    async with dependencies.database.write(PLATFORM, ORIGIN) as session:
        statement = select(Delivery).where(Delivery.id == delivery.id).with_for_update()
        await session.execute(statement)
        writer.add_points(delivery.id, delivery.company_id, track_points(10))
        writer.start()
        await until(lambda: writer.buffered_count == 0)
        closing = asyncio.create_task(writer.close())
        done, _ = await asyncio.wait([closing], timeout=0.1)
        assert not done
    await closing
    track = await track_of(dependencies.database, delivery)
    assert track is not None
    assert track.point_count == 10


async def test_points_that_can_not_be_written_wait_for_the_next_flush(
    dependencies: OrderDependencies, city: City
) -> None:
    *_, delivery, _ = await riders.assigned_delivery(dependencies, city)
    unreachable = Database("postgresql+asyncpg://nobody@127.0.0.1:9/nothing")
    writer = TrackWriter(unreachable)
    writer.add_points(delivery.id, delivery.company_id, track_points(10))
    await writer.flush()
    assert (writer.buffered_count, writer.dropped_count) == (10, 0)
    for _ in range(MAX_FLUSH_FAILURES):
        await writer.flush()
    assert (writer.buffered_count, writer.dropped_count) == (0, 10)
    await unreachable.close()
