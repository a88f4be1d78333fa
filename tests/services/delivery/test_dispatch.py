"""Which riders get offers, in which order, and how offers end."""

import asyncio

import pytest
from sqlalchemy import func, select, text

from database.base import uuid7
from database.scope import NOBODY, PLATFORM
from database.sessions import Database
from jobs import delivery as job
from models.delivery import Delivery, DeliveryOffer, DeliveryOfferStatus, DeliveryStatus
from models.riders import Rider
from services.core.problems import DomainError, InvalidTransition, NotFound
from services.delivery import nearest_riders, riders
from services.events.event_log import order_stream, rider_stream
from tests.support import city as cities
from tests.support import riders as support_riders
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import OrderDependencies, write_as
from tests.support.server.databases import superuser
from tests.support.store_staff import event_types

CROWD = """
insert into person (id, name, language)
    select gen_random_uuid(), 'crowd', 'en' from generate_series(1, 4000);
insert into rider (id, person_id, company_id, vehicle, status, online_since, version)
    select gen_random_uuid(), id, '{0}', 'SCOOTER', 'ONLINE', now(), 1
    from person where name = 'crowd';
insert into rider_position (rider_id, person_id, company_id, latitude, longitude, recorded_at)
    select id, person_id, company_id, {1} + random() / 10, {2} + random() / 10, clock_timestamp()
    from rider where status = 'ONLINE';
analyze person, rider, rider_position;
"""


async def test_the_nearest_rider_gets_an_offer_as_soon_as_the_store_accepts(
    dependencies: OrderDependencies, city: City
) -> None:
    await support_riders.bring_online(dependencies.database, city, 0, north_m=900)
    near = await support_riders.bring_online(dependencies.database, city, 1, north_m=200)
    _, _, _, delivery = await support_riders.accepted_order(dependencies, city)
    offer = await support_riders.open_offer(dependencies.database, delivery)
    assert offer is not None
    assert delivery.status is DeliveryStatus.OFFERED
    assert offer.rider_person_id == near.person_id
    assert 190 <= offer.pickup_distance_meters <= 210
    assert offer.pickup_eta_seconds == 42  # 200 m * 1.35 at a scooter's 6.5 m/s
    assert "OFFER_MADE" in await event_types(dependencies.database, rider_stream(city.riders[1].id))


async def test_after_a_decline_the_next_nearest_rider_gets_an_offer(
    dependencies: OrderDependencies, city: City
) -> None:
    first = await support_riders.bring_online(dependencies.database, city, 0, north_m=100)
    second = await support_riders.bring_online(dependencies.database, city, 1, north_m=500)
    order, _, _, delivery = await support_riders.accepted_order(dependencies, city)
    offer = await support_riders.open_offer(dependencies.database, delivery)
    assert offer is not None
    assert (
        await support_riders.decline(dependencies.database, first, offer)
    ).status is DeliveryOfferStatus.DECLINED
    following = await support_riders.open_offer(dependencies.database, delivery)
    assert following is not None
    assert following.rider_person_id == second.person_id
    assert "DELIVERY_OFFER_DECLINED" in await event_types(
        dependencies.database, order_stream(order.id)
    )


async def test_an_expired_offer_goes_to_the_next_rider_and_can_not_be_accepted(
    dependencies: OrderDependencies, city: City
) -> None:
    first = await support_riders.bring_online(dependencies.database, city, 0, north_m=100)
    second = await support_riders.bring_online(dependencies.database, city, 1, north_m=500)
    _, _, _, delivery = await support_riders.accepted_order(dependencies, city)
    offer = await support_riders.open_offer(dependencies.database, delivery)
    assert offer is not None
    assert await support_riders.expire_offer(dependencies.database, delivery)
    following = await support_riders.open_offer(dependencies.database, delivery)
    assert following is not None
    assert following.rider_person_id == second.person_id
    with pytest.raises(DomainError) as caught:
        await support_riders.accept(dependencies.database, first, offer)
    (problem,) = caught.value.problems
    assert isinstance(problem, InvalidTransition)
    assert (problem.current_status, problem.allowed_actions) == ("EXPIRED", [])


async def test_after_three_rounds_the_search_slows_down_and_the_store_is_notified(
    dependencies: OrderDependencies, city: City
) -> None:
    rider = await support_riders.bring_online(dependencies.database, city, 0)
    order, _, _, delivery = await support_riders.accepted_order(dependencies, city)
    for round_number in (1, 2, 3):
        offer = await support_riders.open_offer(dependencies.database, delivery)
        assert offer is not None
        assert offer.dispatch_round == round_number
        await support_riders.decline(dependencies.database, rider, offer)
        searching = await support_riders.delivery_of(dependencies.database, order)
        assert searching.status is DeliveryStatus.SEARCHING
        if round_number < 3:
            assert await support_riders.expire_offer(dependencies.database, delivery)
    async with dependencies.database.read(PLATFORM) as session:
        wait_seconds = await session.scalar(
            select(func.extract("epoch", Delivery.due_at - func.now())).where(
                Delivery.id == delivery.id
            )
        )
    assert wait_seconds is not None
    assert 30 < wait_seconds <= 60  # earlier rounds wait 10 s
    assert (await event_types(dependencies.database, order_stream(order.id))).count(
        "DELIVERY_SEARCHING"
    ) == 4


async def test_a_rider_who_comes_online_is_found_by_the_next_job_run(
    dependencies: OrderDependencies, city: City
) -> None:
    order, _, _, delivery = await support_riders.accepted_order(dependencies, city)
    assert delivery.status is DeliveryStatus.SEARCHING
    await support_riders.bring_online(dependencies.database, city, 2)
    assert await job.advance_deliveries(dependencies.database) >= 1
    assert (
        await support_riders.delivery_of(dependencies.database, order)
    ).status is DeliveryStatus.OFFERED


async def test_riders_who_are_far_silent_offline_or_of_another_company_get_no_offer(
    dependencies: OrderDependencies, city: City
) -> None:
    far = await support_riders.bring_online(dependencies.database, city, 0, north_m=11_000)
    await support_riders.bring_online(dependencies.database, city, 1)
    await support_riders.age_positions(dependencies.database, city, 61)
    await support_riders.age_positions(dependencies.database, city, 1)
    other = support_riders.as_actor(city.second.riders[0])
    async with write_as(dependencies.database, other, city.second.id) as session:
        await riders.go_online(session, actor=other)
    gone = await support_riders.bring_online(dependencies.database, city, 2)
    async with write_as(dependencies.database, gone, city.company.id) as session:
        await riders.go_offline(session, actor=gone)
    _, _, _, delivery = await support_riders.accepted_order(dependencies, city)
    assert await support_riders.open_offer(dependencies.database, delivery) is None
    assert far.person_id is not None


async def test_two_deliveries_make_one_offer_to_one_rider(
    dependencies: OrderDependencies, city: City
) -> None:
    await support_riders.bring_online(dependencies.database, city, 0)
    orders = await asyncio.gather(
        *(support_riders.accepted_order(dependencies, city) for _ in range(2))
    )
    offers = [await support_riders.open_offer(dependencies.database, order[3]) for order in orders]
    assert sum(offer is not None for offer in offers) == 1


async def test_concurrent_searches_never_offer_to_a_rider_twice(
    dependencies: OrderDependencies, city: City
) -> None:
    orders = [await support_riders.accepted_order(dependencies, city) for _ in range(3)]
    for number in range(2):
        await support_riders.bring_online(dependencies.database, city, number, north_m=100 + number)
    advanced = await asyncio.gather(
        *(support_riders.expire_offer(dependencies.database, order[3]) for order in orders)
    )
    assert all(advanced)
    offers = [await support_riders.open_offer(dependencies.database, order[3]) for order in orders]
    rider_ids = [offer.rider_id for offer in offers if offer is not None]
    assert len(rider_ids) == len(set(rider_ids)) == 2


async def test_of_accepting_and_expiring_at_the_same_time_one_wins(
    dependencies: OrderDependencies, city: City
) -> None:
    rider = await support_riders.bring_online(dependencies.database, city, 0)
    order, _, _, delivery = await support_riders.accepted_order(dependencies, city)
    offer = await support_riders.open_offer(dependencies.database, delivery)
    assert offer is not None
    results = await asyncio.gather(
        support_riders.accept(dependencies.database, rider, offer),
        support_riders.accept(dependencies.database, rider, offer),
        support_riders.expire_offer(dependencies.database, delivery),
        return_exceptions=True,
    )
    delivery_now = await support_riders.delivery_of(dependencies.database, order)
    accepted = [result for result in results if isinstance(result, Delivery)]
    errors = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(result, DomainError) for result in errors)
    assert len(accepted) == (delivery_now.status is DeliveryStatus.ASSIGNED)


async def test_only_the_offered_rider_can_answer(
    dependencies: OrderDependencies, city: City
) -> None:
    await support_riders.bring_online(dependencies.database, city, 0)
    _, _, _, delivery = await support_riders.accepted_order(dependencies, city)
    offer = await support_riders.open_offer(dependencies.database, delivery)
    assert offer is not None
    for stranger in (city.riders[1], city.second.riders[0]):
        with pytest.raises(DomainError) as caught:
            await support_riders.accept(
                dependencies.database, support_riders.as_actor(stranger), offer
            )
        assert [type(problem) for problem in caught.value.problems] == [NotFound]


async def test_the_nearest_riders_are_found_through_the_index(fresh_database_url: str) -> None:
    """With 4,000 riders, under row-level security, with the plan that the planner chooses."""
    database = Database(fresh_database_url)
    shared_city = await cities.build_city(database)
    async with superuser(fresh_database_url) as owner:
        await owner.execute("set app.platform = 'on'")
        await owner.execute(
            CROWD.format(shared_city.company.id, shared_city.latitude, shared_city.longitude)
        )
    delivery = Delivery(
        id=uuid7(),
        store_id=shared_city.near.id,
        company_id=shared_city.company.id,
        customer_id=uuid7(),
        dropoff_distance_meters=0,
        dispatch_round=1,
        search_step=0,
    )
    parameters = nearest_riders.nearest_rider_parameters(delivery)
    async with database.write(NOBODY.with_company(shared_city.company.id), ORIGIN) as session:
        rows = await session.execute(
            text(f"explain {nearest_riders.NEAREST_RIDER.text}"), parameters
        )
        plan = "\n".join(rows.scalars())
        rider = (await session.execute(nearest_riders.NEAREST_RIDER, parameters)).one()
    await database.close()
    assert "Index Scan using ix_rider_position_point" in plan
    assert rider.distance_m < 1_000


async def test_the_database_allows_one_open_offer_per_delivery_and_rider(
    dependencies: OrderDependencies, city: City
) -> None:
    await support_riders.bring_online(dependencies.database, city, 0)
    _, _, _, delivery = await support_riders.accepted_order(dependencies, city)
    async with dependencies.database.read(PLATFORM) as session:
        open_count = await session.scalar(
            select(func.count()).where(
                DeliveryOffer.delivery_id == delivery.id,
                DeliveryOffer.status == DeliveryOfferStatus.OFFERED,
            )
        )
        rider = await session.get_one(Rider, city.riders[0].id)
    assert open_count == 1
    assert rider.live_delivery_id is None
