"""Reports of several points, as a phone sends them after a time without a network."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.identity import Actor
from models.riders import RejectedLocationReason, RiderLocation
from services.core.problems import DomainError, InvalidInput, InvalidTransition
from services.delivery.positions import tracks
from services.delivery.positions.position_results import PositionReportResult
from services.delivery.positions.rider_positions import GpsReading
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import OrderDependencies, order_dependencies
from tests.support.riders import METER, ReportingProcess
from tests.support.tracks import track_of
from workflows.delivery import position_ingest


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    async with order_dependencies(database) as running:
        yield running


def north(city: City, meters: float, age_seconds: float) -> GpsReading:
    """A reading north of the nearest store."""
    latitude = city.near.latitude + meters * METER
    return GpsReading(latitude, city.near.longitude, age_seconds=age_seconds)


async def report(
    process: ReportingProcess, rider: Actor, *readings: GpsReading
) -> PositionReportResult:
    return await position_ingest.report_positions(
        process, actor=rider, origin=ORIGIN, readings=readings
    )


async def test_the_newest_point_is_the_position_and_all_points_are_in_the_track(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    *_, delivery, rider = await riders.assigned_delivery(dependencies, city)
    await riders.age_positions(database, city, 120)
    await riders.backdate_assignment(database, delivery, 90)
    async with riders.running_position_ingest(database) as process:
        first = await report(process, rider, *(north(city, 10 * n, 30 - n) for n in range(31)))
        repeated = await report(process, rider, *(north(city, 10 * n, 30 - n) for n in range(20)))
    assert (first.accepted, first.ignored) == (31, [])
    assert {point.reason for point in repeated.ignored} == {RejectedLocationReason.NOT_NEWER}
    assert repeated.report is None
    async with database.read(PLATFORM) as session:
        position = await session.scalar(
            select(RiderLocation).where(RiderLocation.person_id == rider.person_id)
        )
    assert position is not None
    assert position.latitude == pytest.approx(city.near.latitude + 300 * METER)
    track = await track_of(database, delivery)
    assert track is not None
    assert track.point_count == 31
    assert tracks.length_meters(track) == pytest.approx(300, abs=5)
    assert len(tracks.polyline(track, 10)) < 24


async def test_impossible_points_are_ignored_one_by_one(database: Database, city: City) -> None:
    rider = await riders.bring_online(database, city, 0)
    await riders.age_positions(database, city, 60)
    async with riders.running_position_ingest(database) as process:
        result = await report(
            process,
            rider,
            north(city, 0, 300),
            north(city, 0, 20),
            north(city, 50_000, 10),
            north(city, 40, 5),
            north(city, 42, 4.9),
            north(city, 60, 0),
        )
    assert result.accepted == 3
    assert [(point.index, point.reason) for point in result.ignored] == [
        (0, RejectedLocationReason.BEFORE_SHIFT),
        (2, RejectedLocationReason.IMPLAUSIBLE_LOCATION),
        (4, RejectedLocationReason.TOO_SOON),
    ]
    assert result.report is not None
    assert result.report.position.latitude == pytest.approx(city.near.latitude + 60 * METER)


async def test_an_invalid_report_is_refused_as_a_whole(database: Database, city: City) -> None:
    async def refusal(*readings: GpsReading) -> Any:
        with pytest.raises(DomainError) as caught:
            await report(process, rider, *readings)
        return caught.value.problems[0]

    rider = riders.as_actor(city.riders[0])
    async with riders.running_position_ingest(database) as process:
        assert isinstance(await refusal(north(city, 0, 0)), InvalidTransition)
        await riders.bring_online(database, city, 0)
        assert isinstance(await refusal(), InvalidInput)
        assert isinstance(await refusal(*[north(city, 0, 0)] * 101), InvalidInput)
        assert isinstance(await refusal(north(city, 0, 1), north(city, 0, 2)), InvalidInput)
        problem = await refusal(north(city, 0, 2), GpsReading(91, 0, age_seconds=1))
        assert problem.path == ["input", "locations", "1", "latitude"]


async def test_an_old_point_does_not_advance_a_delivery(
    dependencies: OrderDependencies, city: City
) -> None:
    *_, rider = await riders.assigned_delivery(dependencies, city)
    await riders.age_positions(dependencies.database, city, 300)
    async with riders.running_position_ingest(dependencies.database) as process:
        result = await report(process, rider, north(city, 0, 100))
    assert result.report is not None
    assert not result.report.advances_delivery
