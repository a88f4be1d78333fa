"""Shifts and position reports of riders, and who may see their positions."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import Delivery, DeliveryStatus
from models.identity import Actor, Grant, Role
from models.riders import RiderLocation
from services.core.problems import (
    DomainError,
    InvalidInput,
    InvalidTransition,
    NotFound,
    RateLimited,
)
from services.delivery import riders
from services.delivery.positions.position_results import PositionReportResult
from services.delivery.positions.position_validation import ImplausibleLocation
from services.delivery.positions.rider_positions import GpsReading
from tests.support import riders as support_riders
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.graph_queries import record_statements
from tests.support.paid_orders import OrderDependencies, write_as


async def test_a_rider_with_a_delivery_can_not_go_offline(
    dependencies: OrderDependencies, city: City
) -> None:
    *_, rider = await support_riders.assigned_delivery(dependencies, city)
    with pytest.raises(DomainError) as caught:
        async with write_as(dependencies.database, rider, city.company.id) as session:
            await riders.go_offline(session, actor=rider)
    assert isinstance(caught.value.problems[0], InvalidTransition)


async def test_reports_too_fast_too_far_or_out_of_range_are_refused(
    database: Database, city: City
) -> None:
    async def problem_of(north: float, east: float) -> Any:
        with pytest.raises(DomainError) as caught:
            await support_riders.report_position(database, rider, city, north, east)
        return caught.value.problems[0]

    rider = support_riders.as_actor(city.riders[0])
    offline = await problem_of(city.latitude, city.longitude)
    assert isinstance(offline, InvalidTransition)
    assert offline.allowed_actions == ["GO_ONLINE"]
    await support_riders.bring_online(database, city, 0)
    assert isinstance(await problem_of(city.latitude, city.longitude), RateLimited)
    await support_riders.age_positions(database, city, 1)
    assert isinstance(await problem_of(city.latitude + 1, city.longitude), ImplausibleLocation)
    assert isinstance(await problem_of(91, city.longitude), InvalidInput)
    assert isinstance(await problem_of(float("nan"), city.longitude), InvalidInput)


async def test_a_report_takes_two_statements(database: Database, city: City) -> None:
    """One read and one write: no audit row, no event."""
    rider = await support_riders.bring_online(database, city, 0)
    await support_riders.age_positions(database, city)
    with record_statements(database) as sent:
        await support_riders.report_position(database, rider, city, city.latitude, city.longitude)
    assert len(sent) == 2


async def test_concurrent_reports_share_two_statements(database: Database, city: City) -> None:
    """Each is validated alone: a refused report affects no other."""
    first, second = [await support_riders.bring_online(database, city, number) for number in (0, 1)]
    await support_riders.age_positions(database, city)
    (not_a_rider,) = await create_people(database)
    reading = GpsReading(city.latitude, city.longitude)
    requests = [(request, [reading]) for request in (first, second, first, not_a_rider)]
    async with support_riders.running_position_ingest(database) as process:
        with record_statements(database) as sent:
            results = await asyncio.gather(
                *(process.positions.submit(request) for request in requests)
            )
    assert len(sent) == 2
    types = [
        type(request.problems[0]) if isinstance(request, DomainError) else PositionReportResult
        for request in results
    ]
    assert types == [PositionReportResult, PositionReportResult, RateLimited, NotFound]


async def test_a_customer_sees_the_rider_of_their_own_open_delivery_only(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    order, *_ = await support_riders.assigned_delivery(dependencies, city)
    await support_riders.bring_online(database, city, 1)
    customer = Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))
    (other,) = await create_people(database)
    visible_riders = select(RiderLocation.rider_id)
    async with database.read(customer.scope()) as session:
        assert list(await session.scalars(visible_riders)) == [city.riders[0].id]
    async with database.read(other.scope()) as session:
        assert list(await session.scalars(visible_riders)) == []
    async with database.write(PLATFORM, ORIGIN) as session:
        statement = update(Delivery).where(Delivery.order_id == order.id)
        await session.execute(statement.values(status=DeliveryStatus.DELIVERED))
    async with database.read(customer.scope()) as session:
        assert list(await session.scalars(visible_riders)) == []
