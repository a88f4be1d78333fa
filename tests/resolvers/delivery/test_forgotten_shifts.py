"""A shift that its rider forgets ends: by silence, or by who manages the riders."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import delivery as jobs
from models.identity import Actor, Grant, Role
from models.riders import Rider, RiderLocation, RiderStatus
from services.delivery import silent_riders
from services.delivery.ride_settings import SETTINGS
from services.events.event_log import rider_stream
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.graph_queries import GraphRunner, operation, public_id
from tests.support.paid_orders import OrderDependencies, order_dependencies
from tests.support.store_staff import event_types

LIST = operation("rider_list")
LIMIT_SECONDS = SETTINGS.shift_silence_seconds


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    async with order_dependencies(database) as running:
        yield running


async def fall_silent(database: Database, city: City, seconds: int) -> None:
    """Set the beginning of the first rider's shift and the last position back."""
    row, past = Rider.id == city.riders[0].id, func.now() - timedelta(seconds=seconds)
    async with database.write(PLATFORM, ORIGIN) as session:
        begun = past - timedelta(hours=1)
        await session.execute(update(Rider).where(row).values(online_since=begun))
        seen = update(RiderLocation).where(RiderLocation.rider_id == city.riders[0].id)
        await session.execute(seen.values(recorded_at=past))


async def is_ended_by_job(database: Database, city: City) -> bool:
    """Run the job while the first rider is due; whether the shift has ended."""
    due = silent_riders.SILENT_SHIFTS
    for _ in range(20):
        async with database.read(PLATFORM) as session:
            if city.riders[0].id not in (await session.scalars(due)).all():
                break
        await jobs.end_silent_shifts(database)
    return (await riders.rider_row(database, city)).status is RiderStatus.OFFLINE


async def has_location(database: Database, city: City) -> bool:
    async with database.read(PLATFORM) as session:
        rows = select(func.count()).where(RiderLocation.rider_id == city.riders[0].id)
        return bool(await session.scalar(rows))


async def shown(ask: GraphRunner, city: City, actor: Actor) -> Any:
    """The first rider as the actor sees them on the list of those online; None when not on it."""
    variables = {"companyId": public_id(city.company), "status": "ONLINE"}
    answer = await ask(LIST, variables, actor)
    nodes = {node["id"]: node for node in answer.data["riders"]["nodes"]}
    return nodes.get(public_id(city.riders[0]))


async def manager_of(database: Database, city: City) -> Actor:
    grant = Grant(Role.STORE_MANAGER, city.company.id, city.near.id)
    return (await create_people(database, 1, grant))[0]


async def test_the_shift_of_a_rider_who_forgets_it_ends(
    ask: GraphRunner, database: Database, city: City
) -> None:
    """A rider rides home without ending the shift. Two days later they were still online, and
    managers still saw the last place: the rider's home. The rider alone could end it.
    """
    await riders.bring_online(database, city, 0)
    manager = await manager_of(database, city)
    await fall_silent(database, city, LIMIT_SECONDS - 60)
    assert not await is_ended_by_job(database, city)
    assert (await shown(ask, city, manager))["location"]
    await fall_silent(database, city, LIMIT_SECONDS + 1)
    assert (await shown(ask, city, manager))["location"] is None  # also before the job runs
    assert await is_ended_by_job(database, city)
    assert await shown(ask, city, manager) is None
    assert not await has_location(database, city)
    assert (await event_types(database, rider_stream(city.riders[0].id)))[-1] == "SHIFT_CHANGED"
    await riders.bring_online(database, city, 0)
    assert (await shown(ask, city, manager))["location"]


async def test_a_rider_whose_positions_a_crash_has_deleted_is_not_silent_yet(
    database: Database, city: City
) -> None:
    """The database has run for less than the time of silence, or the shift is new."""
    await riders.bring_online(database, city, 0)
    async with database.write(PLATFORM, ORIGIN) as session:
        lost = delete(RiderLocation).where(RiderLocation.rider_id == city.riders[0].id)
        await session.execute(lost)
    assert not await is_ended_by_job(database, city)


async def test_a_silent_rider_with_a_delivery_stays_on_shift(
    ask: GraphRunner, dependencies: OrderDependencies, city: City
) -> None:
    """The bags are looked for where the rider was last: other timers look after the delivery."""
    database = dependencies.database
    await riders.assigned_delivery(dependencies, city)
    await fall_silent(database, city, LIMIT_SECONDS + 60)
    assert not await is_ended_by_job(database, city)
    assert (await shown(ask, city, await manager_of(database, city)))["location"]


@pytest.mark.parametrize("role", [Role.STORE_MANAGER, Role.COMPANY_ADMIN, Role.SUPPORT_AGENT])
async def test_who_manages_riders_ends_a_shift(
    ask: GraphRunner, database: Database, city: City, role: Role
) -> None:
    """The manager sees that a rider has gone home: FORBIDDEN, to support and admins as well."""
    await riders.bring_online(database, city, 0)
    store = city.near.id if role is Role.STORE_MANAGER else None
    (actor,) = await create_people(database, 1, Grant(role, city.company.id, store))
    input_ = {"riderId": public_id(city.riders[0])}
    answer = await ask(operation("rider_end_shift"), {"input": input_}, actor)
    assert answer.data["riderEndShift"]["errors"] == []
    assert answer.data["riderEndShift"]["rider"]["status"] == "OFFLINE"
    assert not await has_location(database, city)
    assert (await event_types(database, rider_stream(city.riders[0].id)))[-1] == "SHIFT_CHANGED"
    again = await ask(operation("rider_end_shift"), {"input": input_}, actor)
    (error,) = again.data["riderEndShift"]["errors"]
    assert error["__typename"] == "InvalidTransition"


async def test_nobody_else_ends_the_shift_of_a_rider(
    ask: GraphRunner, database: Database, city: City
) -> None:
    """Neither the staff of a store, nor another rider, nor a manager of another company."""
    await riders.bring_online(database, city, 0)
    input_ = {"riderId": public_id(city.riders[0])}
    staff = Grant(Role.STORE_STAFF, city.company.id, city.near.id)
    for grant in (staff, Grant(Role.RIDER, city.company.id), Grant(Role.CUSTOMER)):
        (actor,) = await create_people(database, 1, grant)
        answer = await ask(operation("rider_end_shift"), {"input": input_}, actor)
        assert answer.codes == ["FORBIDDEN"], grant
    (stranger,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id))
    answer = await ask(operation("rider_end_shift"), {"input": input_}, stranger)
    (error,) = answer.data["riderEndShift"]["errors"]
    assert error["__typename"] == "NotFound"
    assert (await riders.rider_row(database, city)).status is RiderStatus.ONLINE


async def test_a_shift_with_a_delivery_is_not_ended_by_others(
    ask: GraphRunner, dependencies: OrderDependencies, city: City
) -> None:
    """The delivery is unassigned, or given to another rider, first."""
    await riders.assigned_delivery(dependencies, city)
    manager = await manager_of(dependencies.database, city)
    input_ = {"riderId": public_id(city.riders[0])}
    answer = await ask(operation("rider_end_shift"), {"input": input_}, manager)
    (error,) = answer.data["riderEndShift"]["errors"]
    assert error["__typename"] == "InvalidTransition"
