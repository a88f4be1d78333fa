"""A rider who is dismissed, or signs out, hands the delivery over first."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import Delivery, DeliveryFailureReason, DeliveryOverrideReason, DeliveryStatus
from models.events import OrderEventKind
from models.identity import Actor
from models.riders import RiderLocation, RiderStatus
from models.support import TicketCategory
from services.core.problems import DomainError, InvalidInput, NotFound
from services.delivery import deliveries, failed_attempts, rider_release
from services.events.event_log import order_stream
from services.fulfillment import handover
from tests.support import riders
from tests.support.carried_bags import (
    CARRYING,
    OVERRIDE,
    RECIPIENT_UNAVAILABLE,
    carried_bags,
    open_cases,
)
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.ride_waits import advance, update_delivery
from tests.support.paid_orders import OrderDependencies
from tests.support.store_staff import event_types
from tests.support.tickets import resolve_cases


async def release(database: Database, rider: Actor) -> int:
    assert rider.person_id is not None
    async with database.write(PLATFORM, ORIGIN) as session:
        return await rider_release.release_rides(session, person_id=rider.person_id)


async def has_position(database: Database, rider: Actor) -> bool:
    async with database.read(PLATFORM) as session:
        count = select(func.count()).where(RiderLocation.person_id == rider.person_id)
        return bool(await session.scalar(count))


@pytest.mark.parametrize("status", CARRYING)
async def test_a_dismissed_rider_leaves_the_bags_to_support(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """The role of a rider with the bags is revoked: the delivery needs another rider, support has
    a case, and the rider is free of it.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, status)
    assert await release(database, bags.rider) == 1
    left = await riders.delivery_of(database, bags.order)
    assert (left.status, left.rider_id, left.former_rider_id) == (
        status, None, city.riders[0].id,
    )  # fmt: skip
    assert left.needs_rider_since is not None
    assert left.override_reason is DeliveryOverrideReason.RIDER_DISMISSED
    row = await riders.rider_row(database, city)
    assert (row.status, row.live_delivery_id) == (RiderStatus.OFFLINE, None)
    assert not await has_position(database, bags.rider)
    assert await open_cases(database, bags.order) == [TicketCategory.RIDER_RELEASED]
    seen = await event_types(database, order_stream(bags.order.id))
    assert OrderEventKind.DELIVERY_RIDER_RELEASED in seen
    problem = await riders.refused_step(
        database, bags.rider, bags.delivery, deliveries.arrive_at_customer
    )
    assert isinstance(problem, NotFound)
    assert await release(database, bags.rider) == 0


@pytest.mark.parametrize("status", [DeliveryStatus.PICKED_UP, DeliveryStatus.RETURNING])
async def test_bags_without_a_rider_are_a_case_again_after_it_was_resolved(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """The state lasted too long, the rider is dismissed, and an agent resolves what is open.

    The timer of the state has ended before: nobody used to be told that a rider is missing.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, status)
    earlier = Delivery.due_at - timedelta(hours=2)
    await update_delivery(database, bags.delivery, due_at=earlier)
    assert await advance(database, bags.delivery)
    await release(database, bags.rider)
    for _ in range(2):
        await resolve_cases(database, city, bags.order)
        assert not await advance(database, bags.delivery)
        await update_delivery(database, bags.delivery, due_at=earlier)
        assert await advance(database, bags.delivery)
        assert await open_cases(database, bags.order) == [TicketCategory.RIDER_RELEASED]


async def test_the_wait_ends_with_the_rider(dependencies: OrderDependencies, city: City) -> None:
    """The rider at the door is dismissed; five minutes later support says that nobody is home, and
    the customer paid for a wait that nobody waited.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    await release(database, bags.rider)
    await riders.backdate_arrivals(database, city)
    agent = await riders.create_support_agent(database, city)
    fail = failed_attempts.fail_attempt
    problem = await riders.refused_step(
        database, agent, bags.delivery, fail, override=OVERRIDE, **RECIPIENT_UNAVAILABLE
    )
    assert isinstance(problem, InvalidInput)
    reason, override = DeliveryFailureReason.RECIPIENT_REFUSED, OVERRIDE
    failed = await riders.take_step(
        database, agent, bags.delivery, fail, reason=reason, override=override
    )
    assert (failed.status, failed.fee_kept) == (DeliveryStatus.RETURNING, False)


async def test_before_pickup_the_delivery_of_a_dismissed_rider_goes_to_others(
    dependencies: OrderDependencies, city: City
) -> None:
    """Also when the dismissed rider is the nearest: they are offline before the search begins."""
    database = dependencies.database
    order, _, _, delivery, rider = await riders.assigned_delivery(dependencies, city)
    assert await release(database, rider) == 1
    searching = await riders.delivery_of(database, order)
    assert (searching.status, searching.rider_id) == (DeliveryStatus.SEARCHING, None)
    second = await riders.bring_online(database, city, 1)
    assert await riders.expire_offer(database, delivery)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    assert offer.rider_person_id == second.person_id


async def test_the_offer_of_a_dismissed_rider_does_not_delay_the_order(
    dependencies: OrderDependencies, city: City
) -> None:
    """The rider is dismissed while an offer waits: the next rider is asked at once."""
    database = dependencies.database
    rider = await riders.bring_online(database, city, 0)
    _, _, _, delivery = await riders.accepted_order(dependencies, city)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    assert await release(database, rider) == 0
    with pytest.raises(DomainError):
        await riders.accept(database, rider, offer)


async def test_of_accepting_and_being_dismissed_at_once_nothing_is_left_hanging(
    dependencies: OrderDependencies, city: City
) -> None:
    """Whoever is first: the rider is offline without a delivery in the end."""
    database = dependencies.database
    rider = await riders.bring_online(database, city, 0)
    order, _, _, delivery = await riders.accepted_order(dependencies, city)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    results = await asyncio.gather(
        riders.accept(database, rider, offer), release(database, rider), return_exceptions=True
    )
    failures = [one for one in results if isinstance(one, BaseException)]
    assert all(isinstance(one, DomainError) for one in failures), failures
    row = await riders.rider_row(database, city)
    assert (row.status, row.live_delivery_id) == (RiderStatus.OFFLINE, None)
    now = await riders.delivery_of(database, order)
    assert now.rider_id is None


async def test_the_store_takes_back_bags_without_a_rider(
    dependencies: OrderDependencies, city: City
) -> None:
    """The dismissed rider brings the bags to the store, and no rider is needed any more."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.RETURNING)
    await release(database, bags.rider)
    returned = await riders.take_step(database, bags.staff, bags.delivery, handover.complete_return)
    assert (returned.status, returned.needs_rider_since) == (DeliveryStatus.RETURNED, None)
    assert await open_cases(database, bags.order) == []


async def test_going_offline_deletes_the_position(database: Database, city: City) -> None:
    """The place where a rider ended the shift, which may be their home, is not kept."""
    rider = await riders.bring_online(database, city, 0)
    assert await has_position(database, rider)
    await riders.end_shift(database, city, 0)
    assert not await has_position(database, rider)
