"""A product becomes age-restricted after it was packed: the hand-over checks the age as well."""

from typing import Any

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import DeliveryAction, DeliveryFailureReason, DeliveryStatus
from models.orders import AgeCheckDocument
from services.core.problems import DomainError, InvalidTransition
from services.delivery import deliveries, delivery_states, failed_attempts
from services.fulfillment import pickups
from services.orders.age_checks import ShownDocument
from tests.support import riders
from tests.support.carried_bags import OVERRIDE, carried_bags
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.pickup_steps import (
    COLLECTED,
    change_store,
    give_code,
    staged_order,
)
from tests.support.paid_orders import OrderDependencies, create_picker
from tests.support.store_staff import refusal_of_step, run_step

CARD = ShownDocument(AgeCheckDocument.IDENTITY_CARD, is_old_enough=True)


async def restrict(database: Database, city: City) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        (await session.merge(city.products[0], load=True)).age_restricted = True


async def test_on_the_way_the_rider_learns_it_at_the_door(
    dependencies: OrderDependencies, city: City
) -> None:
    """The restriction began while the rider was under way: nobody had to show anything."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.EN_ROUTE_TO_CUSTOMER)
    await restrict(database, city)
    step = deliveries.arrive_at_customer
    arrived = await riders.take_step(database, bags.rider, bags.delivery, step)
    assert arrived.minimum_age == 18
    actions = delivery_states.MACHINE.available_actions(arrived, bags.rider)
    assert DeliveryAction.CHECK_AGE in actions
    assert DeliveryAction.COMPLETE not in actions


@pytest.mark.parametrize("by_support", [False, True])
async def test_at_the_door_the_hand_over_asks_for_it(
    dependencies: OrderDependencies, city: City, by_support: bool
) -> None:
    """The rider is at the door already: the refusal opens the check, and costs no try of a PIN."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    await restrict(database, city)
    actor, how = bags.rider, dict[str, Any](pin=bags.order.delivery_pin)
    if by_support:
        actor, how = await riders.create_support_agent(database, city), {"override": OVERRIDE}
    complete = deliveries.complete
    for _ in range(2):
        problem = await riders.refused_step(database, actor, bags.delivery, complete, **how)
        assert isinstance(problem, InvalidTransition)
        assert problem.message == "Check first that the customer is at least 18 years old."
    step = deliveries.check_age
    checked = await riders.take_step(database, bags.rider, bags.delivery, step, shown=CARD)
    assert (checked.minimum_age, checked.pin_tries) == (18, 0)
    done = await riders.take_step(database, actor, bags.delivery, complete, **how)
    assert done.status is DeliveryStatus.DELIVERED


@pytest.mark.parametrize("state", [DeliveryStatus.ATTEMPT_FAILED, DeliveryStatus.RETURNING])
async def test_away_from_the_door_the_refusal_names_the_way_out(
    dependencies: OrderDependencies, city: City, state: DeliveryStatus
) -> None:
    """Support completes after a failed attempt: told to check the age, which is refused."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, state)
    await restrict(database, city)
    agent = await riders.create_support_agent(database, city)
    complete = deliveries.complete
    for _ in range(2):
        problem = await riders.refused_step(
            database, agent, bags.delivery, complete, override=OVERRIDE
        )
        assert isinstance(problem, InvalidTransition)
        assert "begin another attempt" in problem.message
        assert DeliveryAction.ATTEMPT_AGAIN in problem.allowed_actions
        assert DeliveryAction.CHECK_AGE not in problem.allowed_actions
    step = failed_attempts.attempt_again
    again = await riders.take_step(database, agent, bags.delivery, step, override=OVERRIDE)
    assert again.status is DeliveryStatus.EN_ROUTE_TO_CUSTOMER


async def test_a_minor_gets_nothing_of_it(dependencies: OrderDependencies, city: City) -> None:
    """The check fails: the bags go back, by the reason that is true."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.EN_ROUTE_TO_CUSTOMER)
    await restrict(database, city)
    await riders.take_step(database, bags.rider, bags.delivery, deliveries.arrive_at_customer)
    young = ShownDocument(AgeCheckDocument.PASSPORT, is_old_enough=False)
    await riders.take_step(database, bags.rider, bags.delivery, deliveries.check_age, shown=young)
    reason = {"reason": DeliveryFailureReason.AGE_CHECK_FAILED}
    failed = await riders.take_step(
        database, bags.rider, bags.delivery, failed_attempts.fail_attempt, **reason
    )
    assert failed.status is DeliveryStatus.RETURNING


async def test_what_is_not_in_the_bags_takes_no_check(
    dependencies: OrderDependencies, city: City
) -> None:
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    async with dependencies.database.write(PLATFORM, ORIGIN) as session:
        (await session.merge(city.products[9], load=True)).age_restricted = True
    how = {"pin": bags.order.delivery_pin}
    step = deliveries.complete
    done = await riders.take_step(dependencies.database, bags.rider, bags.delivery, step, **how)
    assert (done.status, done.minimum_age) == (DeliveryStatus.DELIVERED, None)


async def test_bags_that_wait_for_their_customer_take_it_too(
    dependencies: OrderDependencies, city: City
) -> None:
    """They were staged for hours when the restriction began: the code alone was enough."""
    database = dependencies.database
    await change_store(database, city, pickup_enabled=True)
    order, task, staff = await staged_order(dependencies, city)
    await restrict(database, city)
    with pytest.raises(DomainError) as caught:
        await give_code(database, staff, task, order.delivery_pin)
    assert isinstance(caught.value.problems[0], InvalidTransition)
    code = {"code": order.delivery_pin}
    problem = await refusal_of_step(database, staff, task, pickups.collect, **code)
    assert problem.message == "Check the customer's age first."
    other = await create_picker(database, city.near)
    await run_step(database, other, task, pickups.check_age, shown=CARD)
    assert (await give_code(database, staff, task, order.delivery_pin)).status is COLLECTED
