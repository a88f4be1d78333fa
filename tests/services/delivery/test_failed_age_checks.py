"""A check of the age that failed stays failed: for the attempt at the door, and at the pickup."""

from typing import Any

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import DeliveryAction, DeliveryFailureReason, DeliveryStatus
from models.fulfillment import Fulfillment, FulfillmentAction, FulfillmentStatus
from models.identity import Actor, Grant, Role
from models.orders import AgeCheckDocument, AgeCheckResult
from services.core.problems import InvalidTransition
from services.delivery import deliveries, delivery_states, failed_attempts
from services.fulfillment import fulfillment_states, pickups
from services.orders.age_checks import ShownDocument
from tests.support import riders
from tests.support.carried_bags import OVERRIDE, RECIPIENT_UNAVAILABLE, CarriedBags, carried_bags
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.pickup_steps import change_store, give_code, staged_order
from tests.support.paid_orders import OrderDependencies, create_picker
from tests.support.store_staff import refusal_of_step, run_step

OLD_ENOUGH = ShownDocument(AgeCheckDocument.IDENTITY_CARD, is_old_enough=True)
NOTHING = ShownDocument(AgeCheckDocument.NONE)
TOO_YOUNG = ShownDocument(AgeCheckDocument.IDENTITY_CARD, is_old_enough=False)
BACK = {"reason": DeliveryFailureReason.AGE_CHECK_FAILED}


@pytest.fixture
async def bags(dependencies: OrderDependencies, city: City) -> CarriedBags:
    """Bags at the door with a product that is not sold to minors."""
    async with dependencies.database.write(PLATFORM, ORIGIN) as session:
        (await session.merge(city.products[0], load=True)).age_restricted = True
    return await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)


async def check(database: Database, actor: Actor, bags: CarriedBags, shown: ShownDocument) -> Any:
    step = deliveries.check_age
    return await riders.take_step(database, actor, bags.delivery, step, shown=shown)


async def turn_back(database: Database, bags: CarriedBags) -> None:
    step = failed_attempts.fail_attempt
    await riders.take_step(database, bags.rider, bags.delivery, step, **BACK)


@pytest.mark.parametrize("shown", [NOTHING, TOO_YOUNG])
async def test_a_failed_check_is_not_repeated_in_the_same_attempt(
    database: Database, city: City, bags: CarriedBags, shown: ShownDocument
) -> None:
    """A child without a document, then one that is too young, then "old enough": the same rider
    recorded all three within a minute, and handed over the beer.
    """
    agent = await riders.create_support_agent(database, city)
    await check(database, bags.rider, bags, shown)
    for actor, how in ((bags.rider, {}), (bags.staff, OVERRIDE), (agent, OVERRIDE)):
        arguments: dict[str, Any] = {"shown": OLD_ENOUGH} | ({"override": how} if how else {})
        step = deliveries.check_age
        problem = await riders.refused_step(database, actor, bags.delivery, step, **arguments)
        assert isinstance(problem, InvalidTransition)
        assert "only support can begin another attempt" in problem.message
    pin = {"pin": bags.order.delivery_pin}
    problem = await riders.refused_step(
        database, bags.rider, bags.delivery, deliveries.complete, **pin
    )
    assert isinstance(problem, InvalidTransition)


async def test_a_failed_check_ends_the_riders_attempts_for_whatever_reason(
    database: Database, city: City, bags: CarriedBags
) -> None:
    """The rider gave another reason, RECIPIENT_UNAVAILABLE, and had a second attempt with a new
    check.
    """
    await check(database, bags.rider, bags, NOTHING)
    await riders.backdate_arrivals(database, city)
    step = failed_attempts.fail_attempt
    failed = await riders.take_step(
        database, bags.rider, bags.delivery, step, **RECIPIENT_UNAVAILABLE
    )
    assert failed.status is DeliveryStatus.RETURNING


async def test_no_age_is_checked_on_the_way_back(
    database: Database, city: City, bags: CarriedBags
) -> None:
    """The rider had a role in the store: on the way back they recorded a check as staff, that
    nobody showed a document for, and completed the delivery.
    """
    await check(database, bags.rider, bags, NOTHING)
    await riders.take_step(
        database, bags.rider, bags.delivery, failed_attempts.fail_attempt, **BACK
    )
    both = Actor(bags.rider.person_id, grants=(*bags.rider.grants, *bags.staff.grants))
    agent = await riders.create_support_agent(database, city)
    for actor in (both, bags.staff, agent):
        for step, more in (
            (deliveries.check_age, {"shown": OLD_ENOUGH}),
            (deliveries.complete, {}),
        ):
            arguments: dict[str, Any] = {"override": OVERRIDE, **more}
            problem = await riders.refused_step(database, actor, bags.delivery, step, **arguments)
            assert isinstance(problem, InvalidTransition)


async def test_support_begins_the_attempt_after_a_mistake_of_typing(
    database: Database, city: City, bags: CarriedBags
) -> None:
    """The rider mistyped the date of birth and calls: a second person says why to try again."""
    await check(database, bags.rider, bags, TOO_YOUNG)
    await riders.take_step(
        database, bags.rider, bags.delivery, failed_attempts.fail_attempt, **BACK
    )
    agent = await riders.create_support_agent(database, city)
    again = failed_attempts.attempt_again
    await riders.take_step(database, agent, bags.delivery, again, override=OVERRIDE)
    await riders.take_step(database, bags.rider, bags.delivery, deliveries.arrive_at_customer)
    passed = await check(database, bags.rider, bags, OLD_ENOUGH)
    actions = delivery_states.MACHINE.available_actions(passed, bags.rider)
    assert DeliveryAction.COMPLETE in actions


async def test_whose_check_of_a_pickup_failed_makes_no_other_one(
    dependencies: OrderDependencies, city: City
) -> None:
    """A cashier knew the customer: no document, then "old enough", and the beer was collected.

    Who comes back with a document is checked by somebody else of the staff.
    """
    database = dependencies.database
    await change_store(database, city, pickup_enabled=True)
    order, task, staff = await staged_order(dependencies, city)
    other = await create_picker(database, city.near)
    async with database.write(PLATFORM, ORIGIN) as session:
        (await session.get_one(Fulfillment, task.id)).minimum_age = 18
    manager = Grant(Role.STORE_MANAGER, city.company.id, city.near.id)
    promoted = Actor(staff.person_id, grants=(*staff.grants, manager))
    step = pickups.check_age
    failed = await run_step(database, staff, task, step, shown=NOTHING)
    for same in (staff, promoted):
        problem = await refusal_of_step(database, same, task, step, shown=OLD_ENOUGH)
        assert isinstance(problem, InvalidTransition)
        actions = fulfillment_states.MACHINE.available_actions(failed, same)
        assert FulfillmentAction.CHECK_AGE not in actions
    await run_step(database, other, task, step, shown=TOO_YOUNG)
    third = await create_picker(database, city.near)
    for again in (staff, other):
        await refusal_of_step(database, again, task, step, shown=OLD_ENOUGH)
    passed = await run_step(database, third, task, step, shown=OLD_ENOUGH)
    assert passed.age_check_result is AgeCheckResult.PASSED
    collected = await give_code(database, staff, task, order.delivery_pin)
    assert collected.status is FulfillmentStatus.COLLECTED
