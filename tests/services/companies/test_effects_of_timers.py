"""A timer decides how long a step takes, whether the company or one of its stores has set it."""

from datetime import timedelta

from database.base import uuid7
from database.scope import PLATFORM
from models.accounts import User
from models.delivery import DeliveryFailureReason, DeliveryStatus
from models.identity import Actor
from services.delivery import failed_attempts, silent_riders
from tests.support import riders
from tests.support.carried_bags import RECIPIENT_UNAVAILABLE, carried_bags
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request
from tests.support.order_steps.order_timers import SetTimers, clock
from tests.support.paid_orders import OrderDependencies, fulfillments_of, place_paid_order
from tests.support.payments import Shop


async def test_an_order_waits_for_payment_as_long_as_the_timer_says(
    shop: Shop, city: City, buyer: Actor, set_by: SetTimers
) -> None:
    """A guest waits no longer than the installation allows; whoever has a contact is no guest."""
    await set_by(shop.database, city, payment_seconds=900)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        person = await session.get_one(User, buyer.person_id)
        person.email = f"{uuid7().hex}@mail.example"
    before = await clock(shop.database)
    order = await shop.buy(buyer, order_request(city, 1))
    assert order.payment_due_at is not None
    assert order.payment_due_at >= before + timedelta(seconds=900)


async def test_a_task_waits_for_its_store_as_long_as_the_timer_says(
    dependencies: OrderDependencies, city: City, set_by: SetTimers
) -> None:
    """A store with few staff needs longer: its orders went to others after the common time."""
    database = dependencies.database
    await set_by(database, city, accept_seconds=900)
    before = await clock(database)
    [task] = await fulfillments_of(database, await place_paid_order(dependencies, city))
    assert task.next_step_due_at is not None
    assert task.next_step_due_at >= before + timedelta(seconds=900)


async def test_an_offer_is_valid_as_long_as_the_timer_says(
    dependencies: OrderDependencies, city: City, set_by: SetTimers
) -> None:
    """Riders of a wide city need longer to answer: their offers ended after the common time."""
    database = dependencies.database
    await set_by(database, city, offer_seconds=120)
    await riders.bring_online(database, city, 0, north_m=100)
    before = await clock(database)
    _, _, _, delivery = await riders.accepted_order(dependencies, city)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    assert offer.expires_at >= before + timedelta(seconds=120)


async def test_a_rider_is_silent_when_the_timer_says(
    dependencies: OrderDependencies, city: City, set_by: SetTimers
) -> None:
    """After ten minutes in a city with dead spots, not after three."""
    database = dependencies.database
    await set_by(database, city, rider_silence_seconds=1_800)
    _, _, _, delivery, _ = await riders.assigned_delivery(dependencies, city)
    for seconds, is_silent in ((600, False), (1_300, True)):
        await riders.backdate_assignment(database, delivery, seconds)
        await riders.age_positions(database, city, seconds)
        async with database.read(PLATFORM) as session:
            silent = await session.scalars(silent_riders.DELIVERIES_OF_SILENT_RIDERS)
            assert (delivery.id in silent.all()) is is_silent


async def test_a_rider_waits_at_the_door_as_long_as_the_timer_says(
    dependencies: OrderDependencies, city: City, set_by: SetTimers
) -> None:
    """A store whose riders wait longer would have its attempts refused or ended early."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    await set_by(database, city, no_show_wait_seconds=900)
    await riders.backdate_arrivals(database, city, 301)
    step = failed_attempts.fail_attempt
    problem = await riders.refused_step(
        database, bags.rider, bags.delivery, step, **RECIPIENT_UNAVAILABLE
    )
    assert isinstance(problem, failed_attempts.NoShowWaitRequired)
    await riders.backdate_arrivals(database, city, 1_500)
    failed = await riders.take_step(
        database, bags.rider, bags.delivery, step, **RECIPIENT_UNAVAILABLE
    )
    assert (failed.failure_reason, failed.fee_kept) == (
        DeliveryFailureReason.RECIPIENT_UNAVAILABLE,
        True,
    )
