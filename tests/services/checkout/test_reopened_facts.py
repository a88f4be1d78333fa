"""What was noted of the first hand-over of a reopened order does not count for the second."""

from sqlalchemy import func, select

from database.scope import PLATFORM
from models.delivery import Delivery, DeliveryOffer, DeliveryOverrideReason
from models.fulfillment import Fulfillment
from models.orders import AgeCheckResult, OrderReopenReason
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.pickup_steps import change_store, give_code, staged_order
from tests.support.order_steps.reopened_orders import completed, reopen
from tests.support.paid_orders import (
    OrderDependencies,
    fulfillments_of,
)


async def test_the_reason_of_a_step_that_support_took_ends_with_the_first_delivery(
    dependencies: OrderDependencies, city: City
) -> None:
    """Support had completed it in the rider's place: the rider's own completion had that reason."""
    database = dependencies.database
    bags = await completed(dependencies, city)
    async with database.write(PLATFORM, ORIGIN) as session:
        row = await session.get_one(Delivery, bags.delivery.id)
        row.override_reason = DeliveryOverrideReason.RIDER_UNREACHABLE
        row.override_note, row.pin_tries = "The phone is off.", 4
    await reopen(database, await riders.create_support_agent(database, city), bags.order)
    delivery = await riders.delivery_of(database, bags.order)
    assert (delivery.override_reason, delivery.override_note) == (None, "")
    assert delivery.pin_tries == 0


async def test_the_pickup_of_a_reopened_order_begins_with_all_attempts_and_no_check(
    dependencies: OrderDependencies, city: City
) -> None:
    """Four wrong codes and a check of somebody else's age were left for the customer who came."""
    database = dependencies.database
    await change_store(database, city, pickup_enabled=True)
    order, task, staff = await staged_order(dependencies, city)
    await give_code(database, staff, task, order.delivery_pin)
    async with database.write(PLATFORM, ORIGIN) as session:
        row = await session.get_one(Fulfillment, task.id)
        row.age_check_result, row.pickup_attempts = AgeCheckResult.PASSED, 4
        row.override_reason, row.override_note = DeliveryOverrideReason.OTHER, "Known."
    agent = await riders.create_support_agent(database, city)
    await reopen(database, agent, order, reason=OrderReopenReason.WRONG_ORDER)
    (waiting,) = await fulfillments_of(database, order)
    assert (waiting.age_check_result, waiting.pickup_attempts) == (None, 0)
    assert (waiting.override_reason, waiting.override_note) == (None, "")


async def test_a_rider_who_gets_bags_back_loses_the_offer_of_another_order(
    dependencies: OrderDependencies, city: City
) -> None:
    """The rider would have accepted an order while another one's bags were on the way again."""
    database = dependencies.database
    bags = await completed(dependencies, city)
    *_, other = await riders.accepted_order(dependencies, city)
    offer = await riders.open_offer(database, other)
    assert offer is not None
    agent = await riders.create_support_agent(database, city)
    await reopen(database, agent, bags.order)
    async with database.read(PLATFORM) as session:
        ends = select(DeliveryOffer.expires_at <= func.now()).where(DeliveryOffer.id == offer.id)
        assert await session.scalar(ends)
