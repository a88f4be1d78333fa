"""The way of a ride: what a phone that was offline may say of it, and what is kept."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import delivery as job
from models.delivery import LINE_BYTES, Delivery, DeliveryTrack, IgnoredPointReason, RiderPosition
from models.geo_point import Point
from models.identity import Actor
from services.core.problems import IllegalStep, InvalidInput, Refused
from services.delivery import tracks
from services.delivery.position_results import Reported
from services.delivery.rider_positions import Fix
from services.routing import track_codec
from services.routing.distances import distance_m
from services.routing.track_codec import Seen
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import Doors, opened
from tests.support.riders import METER, Road
from workflows.delivery import position_ingest

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as made:
        yield made


def north(city: City, meters: float, ago_seconds: float) -> Fix:
    return Fix(city.near.latitude + meters * METER, city.near.longitude, ago_seconds=ago_seconds)


async def said(road: Road, rider: Actor, *fixes: Fix) -> Reported:
    return await position_ingest.report_many(road, actor=rider, origin=ORIGIN, fixes=fixes)


def way(seconds: int) -> list[Seen]:
    """A way of a point a second, north with a bend to the east in its middle."""
    bend = seconds // 2
    return [
        Seen(
            START + timedelta(seconds=n),
            Point(41.0 + min(n, bend) * 8 * METER, -8.6 + max(0, n - bend) * 8 * METER),
        )
        for n in range(seconds)
    ]


async def track_of(database: Database, delivery: Delivery) -> DeliveryTrack | None:
    async with database.read(PLATFORM) as session:
        found: DeliveryTrack | None = await session.get(DeliveryTrack, delivery.id)
    return found


def test_a_line_keeps_its_points_in_five_bytes_each() -> None:
    points = way(600)
    packed = track_codec.encode(points)
    assert len(packed) < 5 * len(points)
    for before, after in zip(points, track_codec.decode(packed), strict=True):
        assert after.at == before.at
        assert distance_m(before.place, after.place) < 1


def test_chunks_of_several_processes_are_read_in_the_order_of_time() -> None:
    points = way(40)
    packed = track_codec.encode(points[20:]) + track_codec.encode(points[:20])
    assert [one.at for one in track_codec.decode(packed)] == [one.at for one in points]


@pytest.mark.parametrize("torn", [1, 3, -1])
def test_a_torn_line_is_told_from_a_whole_one(torn: int) -> None:
    with pytest.raises(ValueError, match="the line ends within"):
        track_codec.decode(track_codec.encode(way(30))[:torn])


def test_a_drawn_line_keeps_its_corners_alone() -> None:
    places = [one.place for one in way(600)]
    assert track_codec.simplified(places, 10) == [places[0], places[300], places[-1]]
    assert track_codec.simplified(places[:2], 10) == places[:2]


def test_a_polyline_is_written_as_map_libraries_read_it() -> None:
    """The example that the format's authors give."""
    places = [Point(38.5, -120.2), Point(40.7, -120.95), Point(43.252, -126.453)]
    assert track_codec.polyline(places) == "_p~iF~ps|U_ulLnnqC_mqNvxq`@"


async def test_the_newest_point_moves_the_rider_and_all_are_of_the_track(
    doors: Doors, city: City
) -> None:
    database = doors.database
    *_, delivery, rider = await riders.assigned(doors, city)
    await riders.a_while_later(database, city, 120)
    await riders.assigned_before(database, delivery, 90)
    async with riders.reporting(database) as road:
        done = await said(road, rider, *(north(city, 10 * n, 30 - n) for n in range(31)))
        again = await said(road, rider, *(north(city, 10 * n, 30 - n) for n in range(20)))
    assert (done.accepted, done.ignored) == (31, [])
    assert {one.reason for one in again.ignored} == {IgnoredPointReason.NOT_NEWER}
    assert again.report is None
    async with database.read(PLATFORM) as session:
        seen = await session.scalar(
            select(RiderPosition).where(RiderPosition.person_id == rider.person_id)
        )
    assert seen is not None
    assert seen.latitude == pytest.approx(city.near.latitude + 300 * METER)
    kept = await track_of(database, delivery)
    assert kept is not None
    assert kept.points == 31
    assert tracks.length_m(kept) == pytest.approx(300, abs=5)
    assert len(tracks.polyline(kept, 10)) < 24


async def test_points_that_can_not_be_are_ignored_one_by_one(
    database: Database, city: City
) -> None:
    rider = await riders.online(database, city, 0)
    await riders.a_while_later(database, city, 60)
    async with riders.reporting(database) as road:
        done = await said(
            road,
            rider,
            north(city, 0, 300),
            north(city, 0, 20),
            north(city, 50_000, 10),
            north(city, 40, 5),
            north(city, 42, 4.9),
            north(city, 60, 0),
        )
    assert done.accepted == 3
    assert [(one.index, one.reason) for one in done.ignored] == [
        (0, IgnoredPointReason.BEFORE_SHIFT),
        (2, IgnoredPointReason.IMPLAUSIBLE_JUMP),
        (4, IgnoredPointReason.TOO_SOON),
    ]
    assert done.report is not None
    assert done.report.position.latitude == pytest.approx(city.near.latitude + 60 * METER)


async def test_a_report_of_points_is_refused_as_a_whole(database: Database, city: City) -> None:
    async def refusal(*fixes: Fix) -> Any:
        with pytest.raises(Refused) as caught:
            await said(road, rider, *fixes)
        return caught.value.reasons[0]

    rider = riders.as_actor(city.riders[0])
    async with riders.reporting(database) as road:
        assert isinstance(await refusal(north(city, 0, 0)), IllegalStep)
        await riders.online(database, city, 0)
        assert isinstance(await refusal(), InvalidInput)
        assert isinstance(await refusal(*[north(city, 0, 0)] * 101), InvalidInput)
        assert isinstance(await refusal(north(city, 0, 1), north(city, 0, 2)), InvalidInput)
        wrong = await refusal(north(city, 0, 2), Fix(91, 0, ago_seconds=1))
        assert wrong.path == ["input", "points", "1", "latitude"]


async def test_an_old_point_neither_moves_a_ride_nor_wakes_a_search(
    doors: Doors, city: City
) -> None:
    *_, rider = await riders.assigned(doors, city)
    await riders.a_while_later(doors.database, city, 300)
    async with riders.reporting(doors.database) as road:
        done = await said(road, rider, north(city, 0, 100))
    assert done.report is not None
    assert not done.report.moves


async def test_a_full_line_stays_and_a_rider_who_stands_adds_little(
    doors: Doors, city: City
) -> None:
    database = doors.database
    *_, delivery, _rider = await riders.assigned(doors, city)
    written = tracks.Tracks(database)
    still = [Seen(START + timedelta(seconds=n), Point(41.0, -8.6)) for n in range(61)]
    written.add(delivery.id, delivery.company_id, still)
    await written.flush()
    kept = await track_of(database, delivery)
    assert kept is not None
    assert kept.points == 3
    async with database.write(PLATFORM, ORIGIN) as session:
        full = update(DeliveryTrack).where(DeliveryTrack.delivery_id == delivery.id)
        await session.execute(full.values(line=bytes(LINE_BYTES)))
    written.add(delivery.id, delivery.company_id, way(70)[65:])
    await written.flush()
    after = await track_of(database, delivery)
    assert after is not None
    assert after.points == 3


async def test_what_can_not_be_written_waits_for_the_next_time(doors: Doors, city: City) -> None:
    *_, delivery, _rider = await riders.assigned(doors, city)
    nowhere = Database("postgresql+asyncpg://nobody@127.0.0.1:9/nothing")
    written = tracks.Tracks(nowhere)
    written.add(delivery.id, delivery.company_id, way(10))
    await written.flush()
    assert (written.held, written.dropped) == (10, 0)
    for _ in range(tracks.FAILURES_MOST):
        await written.flush()
    assert (written.held, written.dropped) == (0, 10)
    await nowhere.close()


async def test_a_track_is_forgotten_after_a_month(doors: Doors, city: City) -> None:
    database = doors.database
    *_, delivery, _rider = await riders.assigned(doors, city)
    written = tracks.Tracks(database)
    now = datetime.now(UTC)
    written.add(delivery.id, delivery.company_id, [Seen(now, Point(41.0, -8.6))])
    await written.flush()
    await job.forget(database)
    assert await track_of(database, delivery) is not None
    async with database.write(PLATFORM, ORIGIN) as session:
        old = now - timedelta(days=31)
        track = update(DeliveryTrack).where(DeliveryTrack.delivery_id == delivery.id)
        await session.execute(track.values(first_at=old, last_at=old))
    assert await job.forget(database) == 1
    assert await track_of(database, delivery) is None
