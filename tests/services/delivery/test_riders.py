"""Riders on their shift, and who may see where they are."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import Delivery, DeliveryStatus, RiderPosition
from models.identity import Actor, Grant, Role
from services.core.problems import IllegalStep, InvalidInput, NotFound, RateLimited, Refused
from services.delivery import riders
from services.delivery.position_results import Reported
from services.delivery.position_validation import ImplausibleJump
from services.delivery.rider_positions import Fix
from tests.support import riders as support_riders
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.graph_queries import statements
from tests.support.paid_orders import Doors, opened, working


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as made:
        yield made


async def test_a_rider_on_a_ride_can_not_go_offline(doors: Doors, city: City) -> None:
    *_, rider = await support_riders.assigned(doors, city)
    with pytest.raises(Refused) as caught:
        async with working(doors.database, rider, city.company.id) as session:
            await riders.go_offline(session, actor=rider)
    assert isinstance(caught.value.reasons[0], IllegalStep)


async def test_reports_too_fast_too_far_or_from_nowhere_are_refused(
    database: Database, city: City
) -> None:
    async def refusal(north: float, east: float) -> Any:
        with pytest.raises(Refused) as caught:
            await support_riders.report(database, rider, city, north, east)
        return caught.value.reasons[0]

    rider = support_riders.as_actor(city.riders[0])
    offline = await refusal(city.latitude, city.longitude)
    assert isinstance(offline, IllegalStep)
    assert offline.legal == ["GO_ONLINE"]
    await support_riders.online(database, city, 0)
    assert isinstance(await refusal(city.latitude, city.longitude), RateLimited)
    await support_riders.a_while_later(database, city, 1)
    assert isinstance(await refusal(city.latitude + 1, city.longitude), ImplausibleJump)
    assert isinstance(await refusal(91, city.longitude), InvalidInput)
    assert isinstance(await refusal(float("nan"), city.longitude), InvalidInput)


async def test_a_report_takes_two_statements(database: Database, city: City) -> None:
    """Its scope, one read, one write: no audit row, no event."""
    rider = await support_riders.online(database, city, 0)
    await support_riders.a_while_later(database, city)
    with statements(database) as sent:
        await support_riders.report(database, rider, city, city.latitude, city.longitude)
    assert len(sent) == 2


async def test_reports_that_come_together_share_two_statements(
    database: Database, city: City
) -> None:
    """Each is judged for itself: one that is refused spoils no other."""
    first, second = [await support_riders.online(database, city, number) for number in (0, 1)]
    await support_riders.a_while_later(database, city)
    (nobody,) = await people(database)
    here = Fix(city.latitude, city.longitude)
    asked = [(one, [here]) for one in (first, second, first, nobody)]
    async with support_riders.reporting(database) as road:
        with statements(database) as sent:
            done = await asyncio.gather(*(road.positions.ask(one) for one in asked))
    assert len(sent) == 2
    kinds = [type(one.reasons[0]) if isinstance(one, Refused) else Reported for one in done]
    assert kinds == [Reported, Reported, RateLimited, NotFound]


async def test_a_customer_sees_the_rider_of_the_own_live_delivery_and_no_other(
    doors: Doors, city: City
) -> None:
    database = doors.database
    order, *_ = await support_riders.assigned(doors, city)
    await support_riders.online(database, city, 1)
    own = Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))
    (other,) = await people(database)
    seen = select(RiderPosition.rider_id)
    async with database.read(own.scope()) as session:
        assert list(await session.scalars(seen)) == [city.riders[0].id]
    async with database.read(other.scope()) as session:
        assert list(await session.scalars(seen)) == []
    async with database.write(PLATFORM, ORIGIN) as session:
        over = update(Delivery).where(Delivery.order_id == order.id)
        await session.execute(over.values(status=DeliveryStatus.DELIVERED))
    async with database.read(own.scope()) as session:
        assert list(await session.scalars(seen)) == []
