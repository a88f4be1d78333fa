"""Who is asked to ride, in which order, and what becomes of the offers."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select, text

from database.base import uuid7
from database.scope import PLATFORM, Scope
from database.sessions import Database
from jobs import delivery as job
from models.delivery import Delivery, DeliveryOffer, DeliveryStatus, OfferStatus, Rider
from services.core.problems import IllegalStep, NotFound, Refused
from services.delivery import nearest_riders, riders
from services.events.event_log import order_stream, rider_stream
from tests.conftest import superuser
from tests.support import city as cities
from tests.support import riders as support_riders
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import Doors, opened, working
from tests.support.store_staff import told

CROWD = """
insert into person (id, name, language, failed_sign_ins)
    select gen_random_uuid(), 'crowd', 'en', 0 from generate_series(1, 4000);
insert into rider (id, person_id, company_id, vehicle, status, online_since, version)
    select gen_random_uuid(), id, '{0}', 'SCOOTER', 'ONLINE', now(), 1
    from person where name = 'crowd';
insert into rider_position (rider_id, person_id, company_id, latitude, longitude, seen_at)
    select id, person_id, company_id, {1} + random() / 10, {2} + random() / 10, clock_timestamp()
    from rider where status = 'ONLINE';
analyze person, rider, rider_position;
"""


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as made:
        yield made


async def test_the_nearest_rider_is_asked_as_soon_as_the_store_accepts(
    doors: Doors, city: City
) -> None:
    await support_riders.online(doors.database, city, 0, north_m=900)
    near = await support_riders.online(doors.database, city, 1, north_m=200)
    _, _, _, delivery = await support_riders.searching(doors, city)
    offer = await support_riders.open_offer(doors.database, delivery)
    assert offer is not None
    assert delivery.status is DeliveryStatus.OFFERED
    assert offer.rider_person_id == near.person_id
    assert 190 <= offer.distance_m <= 210
    assert offer.eta_seconds == 42  # 200 m * 1.35 at a scooter's 6.5 m/s
    assert near.person_id is not None
    assert "OFFER_MADE" in await told(doors.database, rider_stream(near.person_id))


async def test_who_declines_is_followed_by_the_next_nearest(doors: Doors, city: City) -> None:
    first = await support_riders.online(doors.database, city, 0, north_m=100)
    second = await support_riders.online(doors.database, city, 1, north_m=500)
    order, _, _, delivery = await support_riders.searching(doors, city)
    offer = await support_riders.open_offer(doors.database, delivery)
    assert offer is not None
    assert (
        await support_riders.decline(doors.database, first, offer)
    ).status is OfferStatus.DECLINED
    following = await support_riders.open_offer(doors.database, delivery)
    assert following is not None
    assert following.rider_person_id == second.person_id
    assert "DELIVERY_OFFER_DECLINED" in await told(doors.database, order_stream(order.id))


async def test_an_offer_that_runs_out_goes_to_the_next_and_can_not_be_taken_late(
    doors: Doors, city: City
) -> None:
    first = await support_riders.online(doors.database, city, 0, north_m=100)
    second = await support_riders.online(doors.database, city, 1, north_m=500)
    _, _, _, delivery = await support_riders.searching(doors, city)
    offer = await support_riders.open_offer(doors.database, delivery)
    assert offer is not None
    assert await support_riders.run_out(doors.database, delivery)
    following = await support_riders.open_offer(doors.database, delivery)
    assert following is not None
    assert following.rider_person_id == second.person_id
    with pytest.raises(Refused) as late:
        await support_riders.accept(doors.database, first, offer)
    (reason,) = late.value.reasons
    assert isinstance(reason, IllegalStep)
    assert (reason.state, reason.legal) == ("EXPIRED", [])


async def test_after_three_rounds_the_search_goes_on_slowly_and_the_store_is_told(
    doors: Doors, city: City
) -> None:
    rider = await support_riders.online(doors.database, city, 0)
    order, _, _, delivery = await support_riders.searching(doors, city)
    for turn in (1, 2, 3):
        offer = await support_riders.open_offer(doors.database, delivery)
        assert offer is not None
        assert offer.round == turn
        await support_riders.decline(doors.database, rider, offer)
        waiting = await support_riders.delivery_of(doors.database, order)
        assert waiting.status is DeliveryStatus.SEARCHING
        if turn < 3:
            assert await support_riders.run_out(doors.database, delivery)
    async with doors.database.read(PLATFORM) as session:
        wait = await session.scalar(
            select(func.extract("epoch", Delivery.due_at - func.now())).where(
                Delivery.id == delivery.id
            )
        )
    assert wait is not None
    assert 50 < wait <= 60
    assert (await told(doors.database, order_stream(order.id))).count("DELIVERY_SEARCHING") == 4


async def test_a_rider_who_comes_online_is_found_by_the_next_sweep(
    doors: Doors, city: City
) -> None:
    order, _, _, delivery = await support_riders.searching(doors, city)
    assert delivery.status is DeliveryStatus.SEARCHING
    await support_riders.online(doors.database, city, 2)
    assert await job.advance(doors.database) >= 1
    assert (
        await support_riders.delivery_of(doors.database, order)
    ).status is DeliveryStatus.OFFERED


async def test_nobody_is_asked_who_is_far_silent_offline_busy_or_of_another_company(
    doors: Doors, city: City
) -> None:
    far = await support_riders.online(doors.database, city, 0, north_m=11_000)
    await support_riders.online(doors.database, city, 1)
    await support_riders.a_while_later(doors.database, city, 61)
    await support_riders.a_while_later(doors.database, city, 1)
    other = support_riders.as_actor(city.second.riders[0])
    async with working(doors.database, other, city.second.id) as session:
        await riders.go_online(session, actor=other)
    gone = await support_riders.online(doors.database, city, 2)
    async with working(doors.database, gone, city.company.id) as session:
        await riders.go_offline(session, actor=gone)
    _, _, _, delivery = await support_riders.searching(doors, city)
    assert await support_riders.open_offer(doors.database, delivery) is None
    assert far.person_id is not None


async def test_of_two_deliveries_one_rider_gets_one_offer(doors: Doors, city: City) -> None:
    await support_riders.online(doors.database, city, 0)
    made = await asyncio.gather(*(support_riders.searching(doors, city) for _ in range(2)))
    offers = [await support_riders.open_offer(doors.database, one[3]) for one in made]
    assert sum(offer is not None for offer in offers) == 1


async def test_searches_at_once_never_ask_a_rider_twice(doors: Doors, city: City) -> None:
    made = [await support_riders.searching(doors, city) for _ in range(3)]
    for number in range(2):
        await support_riders.online(doors.database, city, number, north_m=100 + number)
    found = await asyncio.gather(*(support_riders.run_out(doors.database, one[3]) for one in made))
    assert all(found)
    offers = [await support_riders.open_offer(doors.database, one[3]) for one in made]
    asked = [offer.rider_id for offer in offers if offer is not None]
    assert len(asked) == len(set(asked)) == 2


async def test_of_accepting_and_expiring_at_once_one_wins(doors: Doors, city: City) -> None:
    rider = await support_riders.online(doors.database, city, 0)
    order, _, _, delivery = await support_riders.searching(doors, city)
    offer = await support_riders.open_offer(doors.database, delivery)
    assert offer is not None
    answers = await asyncio.gather(
        support_riders.accept(doors.database, rider, offer),
        support_riders.accept(doors.database, rider, offer),
        support_riders.run_out(doors.database, delivery),
        return_exceptions=True,
    )
    now = await support_riders.delivery_of(doors.database, order)
    taken = [one for one in answers if isinstance(one, Delivery)]
    others = [one for one in answers if isinstance(one, BaseException)]
    assert all(isinstance(one, Refused) for one in others)
    assert len(taken) == (now.status is DeliveryStatus.ASSIGNED)


async def test_an_offer_is_nobody_elses_to_answer(doors: Doors, city: City) -> None:
    await support_riders.online(doors.database, city, 0)
    _, _, _, delivery = await support_riders.searching(doors, city)
    offer = await support_riders.open_offer(doors.database, delivery)
    assert offer is not None
    for stranger in (city.riders[1], city.second.riders[0]):
        with pytest.raises(Refused) as caught:
            await support_riders.accept(doors.database, support_riders.as_actor(stranger), offer)
        assert [type(reason) for reason in caught.value.reasons] == [NotFound]


async def test_the_nearest_riders_are_found_through_the_index(fresh_database_url: str) -> None:
    """Held on 4,000 riders, under row-level security, as the planner chooses by itself."""
    database = Database(fresh_database_url)
    town = await cities.build(database)
    async with superuser(fresh_database_url) as owner:
        await owner.execute("set app.platform = 'on'")
        await owner.execute(CROWD.format(town.company.id, town.latitude, town.longitude))
    delivery = Delivery(
        id=uuid7(), store_id=town.near.id, company_id=town.company.id, distance_m=0, round=1
    )
    asked = nearest_riders.nearest_to(delivery)
    async with database.write(Scope(companies=(town.company.id,)), ORIGIN) as session:
        rows = await session.execute(text(f"explain {nearest_riders.NEAREST.text}"), asked)
        plan = "\n".join(rows.scalars())
        found = (await session.execute(nearest_riders.NEAREST, asked)).one()
    await database.close()
    assert "Index Scan using ix_rider_position_point" in plan
    assert found.distance_m < 1_000


async def test_one_live_offer_a_delivery_and_a_rider_is_held_by_the_database(
    doors: Doors, city: City
) -> None:
    await support_riders.online(doors.database, city, 0)
    _, _, _, delivery = await support_riders.searching(doors, city)
    async with doors.database.read(PLATFORM) as session:
        live = await session.scalar(
            select(func.count()).where(
                DeliveryOffer.delivery_id == delivery.id,
                DeliveryOffer.status == OfferStatus.OFFERED,
            )
        )
        busy = await session.get_one(Rider, city.riders[0].id)
    assert live == 1
    assert busy.live_delivery_id is None
