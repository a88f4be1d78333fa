"""A person rides for several companies, one at a time, and no company sees the others."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from database.scope import PLATFORM
from database.sessions import Database
from models.accounts import Membership
from models.delivery import Delivery, DeliveryOffer, DeliveryStatus
from models.events import Event
from models.identity import Actor, Grant, Role
from models.riders import Rider, RiderAction, RiderLocation, RiderStatus
from services.accounts import memberships
from services.accounts.memberships import RoleScope
from services.core.problems import DomainError, InvalidTransition, NotFound
from services.delivery import deliveries, dispatch
from services.delivery import riders as shifts
from services.delivery.rider_states import RIDER_MACHINE
from tests.support import riders
from tests.support.city import City, CityCompany
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import OrderDependencies, write_as
from workflows.identity import role_revocation

MODELS_OF_A_COMPANY: tuple[Any, ...] = (Rider, RiderLocation, Delivery, DeliveryOffer, Event)


@pytest.fixture
async def both(database: Database, city: City) -> Actor:
    """A rider of both companies of the city."""
    companies = (city.first.id, city.second.id)
    grants = [Grant(Role.RIDER, company) for company in companies]
    (person,) = await create_people(database)
    assert person.person_id is not None
    async with database.write(PLATFORM, ORIGIN) as session:
        for company in companies:
            role_scope = RoleScope(company_id=company)
            await memberships.add_role(
                session, person_id=person.person_id, role=Role.RIDER, role_scope=role_scope
            )
    return Actor(person.person_id, grants=tuple(grants))


async def row_of(database: Database, actor: Actor, company: CityCompany) -> Rider:
    async with database.read(PLATFORM) as session:
        statement = select(Rider).where(
            Rider.person_id == actor.person_id, Rider.company_id == company.id
        )
        return (await session.scalars(statement)).one()


async def go_online(database: Database, actor: Actor, company: CityCompany | None = None) -> Rider:
    company_id = company.id if company else None
    async with database.read(PLATFORM) as session:
        present = await shifts.require_rider(session, actor, company_id)
    async with write_as(database, actor, present.company_id) as session:
        return await shifts.go_online(session, actor=actor, company_id=company_id)


async def go_offline(database: Database, actor: Actor, company: CityCompany) -> Rider:
    async with write_as(database, actor, company.id) as session:
        return await shifts.go_offline(session, actor=actor)


async def report_near_store(database: Database, actor: Actor, city: City) -> None:
    north = city.near.latitude + 100 * riders.METER
    await riders.report_position(database, actor, city, north, city.near.longitude)


async def refused(awaitable: Any) -> Any:
    with pytest.raises(DomainError) as caught:
        await awaitable
    (problem,) = caught.value.problems
    return problem


async def revoke(database: Database, actor: Actor, company: CityCompany) -> None:
    """Take the role of a company away, as `roleRevoke` does."""
    held = select(Membership.id).where(
        Membership.person_id == actor.person_id, Membership.company_id == company.id
    )
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, company.id))
    async with database.write(PLATFORM, ORIGIN) as session:
        membership_id = (await session.scalars(held)).one()
        await role_revocation.revoke_role(session, actor=admin, membership_id=membership_id)


async def test_a_rider_chooses_the_company_of_a_shift(
    database: Database, city: City, both: Actor
) -> None:
    """A granted role tied a person to one company for ever, also after it was revoked."""
    online = await go_online(database, both, city.second)
    assert (online.company_id, online.status) == (city.second.id, RiderStatus.ONLINE)
    problem = await refused(go_online(database, both, city.first))
    assert isinstance(problem, InvalidTransition)
    assert (await row_of(database, both, city.first)).status is RiderStatus.OFFLINE
    assert (await go_offline(database, both, city.second)).id == online.id
    assert (await go_online(database, both)).id == online.id, "the company of the last shift"
    await go_offline(database, both, city.second)
    other = await go_online(database, both, city.first)
    assert other.company_id == city.first.id
    assert (await go_offline(database, both, city.first)).id == other.id


async def test_nobody_goes_online_for_a_company_that_they_do_not_ride_for(
    database: Database, city: City
) -> None:
    """A rider of one company would get addresses of another one's customers."""
    rider = riders.as_actor(city.riders[0])
    assert isinstance(await refused(go_online(database, rider, city.second)), NotFound)


async def test_of_two_shifts_at_once_one_begins(
    database: Database, city: City, both: Actor
) -> None:
    """Two phones go online for two companies in the same moment."""
    shifts_at_once = (go_online(database, both, one) for one in (city.first, city.second))
    results = await asyncio.gather(*shifts_at_once, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["DomainError", "Rider"]


async def test_a_token_older_than_the_dismissal_begins_no_shift(
    database: Database, city: City, both: Actor
) -> None:
    """Whoever went online within five seconds after the dismissal stayed online for ever."""
    await revoke(database, both, city.second)
    assert isinstance(await refused(go_online(database, both, city.second)), NotFound)
    assert (await go_online(database, both, city.first)).status is RiderStatus.ONLINE


async def test_offers_of_a_company_go_to_whoever_rides_for_it_now(
    dependencies: OrderDependencies, city: City, both: Actor
) -> None:
    """Next to the store, but on a shift for another company: no offer, and no position is seen."""
    database = dependencies.database
    await go_online(database, both, city.second)
    await report_near_store(database, both, city)
    _, _, _, delivery = await riders.accepted_order(dependencies, city)
    assert await riders.open_offer(database, delivery) is None
    await go_offline(database, both, city.second)
    await go_online(database, both, city.first)
    await report_near_store(database, both, city)
    _, _, _, delivery = await riders.accepted_order(dependencies, city)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    assert offer.rider_id == (await row_of(database, both, city.first)).id


async def on_ride(dependencies: OrderDependencies, city: City, both: Actor) -> Delivery:
    """A delivery of the first company that the rider of both has accepted."""
    database = dependencies.database
    await go_online(database, both, city.first)
    await report_near_store(database, both, city)
    _, _, _, delivery = await riders.accepted_order(dependencies, city)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    return await riders.accept(database, both, offer)


async def test_no_company_sees_what_its_rider_does_for_another(
    dependencies: OrderDependencies, city: City, both: Actor
) -> None:
    """Rides, offers, positions and events stay with their company, by the database's policies."""
    database = dependencies.database
    delivery = await on_ride(dependencies, city, both)
    second = city.second.id
    admin = Actor(
        (await create_people(database))[0].person_id, grants=(Grant(Role.COMPANY_ADMIN, second),)
    )
    async with database.read(admin.scope()) as session:
        for model in MODELS_OF_A_COMPANY:
            foreign = select(func.count()).where(model.company_id != second)
            assert await session.scalar(foreign) == 0, model
        seen = await shifts.list_of_company(
            session, actor=admin, company_id=second, status=None, first=10, cursor=None
        )
        [row] = [rider for rider in seen.nodes if rider.person_id == both.person_id]
        assert (row.status, row.live_delivery_id, row.last_shift_at) == (
            RiderStatus.OFFLINE, None, None,
        )  # fmt: skip
        assert row.id != delivery.rider_id
        problem = await refused(
            shifts.list_of_company(
                session, actor=admin, company_id=city.first.id, status=None, first=10, cursor=None
            )
        )
    assert isinstance(problem, NotFound)


async def test_the_end_of_one_role_ends_nothing_of_the_other(
    dependencies: OrderDependencies, city: City, both: Actor
) -> None:
    """On a ride for the first company the second one dismisses the rider: the ride goes on."""
    database = dependencies.database
    delivery = await on_ride(dependencies, city, both)
    await revoke(database, both, city.second)
    left = Actor(both.person_id, grants=(Grant(Role.RIDER, city.first.id),))
    arrived = await riders.take_step(database, left, delivery, deliveries.arrive_at_store)
    assert arrived.status is DeliveryStatus.AT_STORE


async def test_the_end_of_a_role_hands_over_the_ride_of_that_company(
    dependencies: OrderDependencies, city: City, both: Actor
) -> None:
    """The first company dismisses the rider on its ride: it is offered to others, the rider can do
    nothing with it, and is free for the second company.
    """
    database = dependencies.database
    delivery = await on_ride(dependencies, city, both)
    await revoke(database, both, city.first)
    async with database.read(PLATFORM) as session:
        row = await session.get_one(Delivery, delivery.id)
    assert (row.status, row.rider_id) == (DeliveryStatus.SEARCHING, None)
    left = Actor(both.person_id, grants=(Grant(Role.RIDER, city.second.id),))
    problem = await riders.refused_step(database, left, delivery, deliveries.arrive_at_store)
    assert isinstance(problem, NotFound)
    assert (await row_of(database, both, city.first)).status is RiderStatus.OFFLINE
    assert (await go_online(database, left)).company_id == city.second.id


async def test_an_offer_of_a_company_that_was_left_can_not_be_accepted(
    dependencies: OrderDependencies, city: City, both: Actor
) -> None:
    """The rider leaves the company while its offer is on the screen, and takes it."""
    database = dependencies.database
    await go_online(database, both, city.first)
    await report_near_store(database, both, city)
    _, _, _, delivery = await riders.accepted_order(dependencies, city)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    left = Actor(both.person_id, grants=(Grant(Role.RIDER, city.second.id),))
    async with write_as(database, left, city.first.id) as session:
        problem = await refused(dispatch.accept_offer(session, actor=left, offer_id=offer.id))
    assert isinstance(problem, NotFound)


async def test_a_position_is_reported_for_the_company_of_the_shift_alone(
    database: Database, city: City, both: Actor
) -> None:
    """A token without the company of the shift reports nothing for it."""
    await go_online(database, both, city.second)
    left = Actor(both.person_id, grants=(Grant(Role.RIDER, city.first.id),))
    problem = await refused(report_near_store(database, left, city))
    assert isinstance(problem, InvalidTransition)
    assert problem.allowed_actions == [RiderAction.GO_ONLINE]


async def test_a_former_rider_is_offered_no_shift(
    database: Database, city: City, both: Actor
) -> None:
    """The row of a company that was left stays; nothing can be done with it."""
    row = await row_of(database, both, city.first)
    left = Actor(both.person_id, grants=(Grant(Role.RIDER, city.second.id),))
    assert RIDER_MACHINE.available_actions(row, both) == [RiderAction.GO_ONLINE]
    assert RIDER_MACHINE.available_actions(row, left) == []
