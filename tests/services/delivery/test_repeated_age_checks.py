"""A check of the age counts for one attempt of one rider."""

from typing import Any

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import DeliveryAction, DeliveryStatus
from models.identity import Actor
from models.orders import AgeCheckDocument
from services.delivery import deliveries, delivery_states, failed_attempts, reassignment
from services.orders.age_checks import ShownDocument
from tests.support import riders
from tests.support.carried_bags import OVERRIDE, RECIPIENT_UNAVAILABLE, CarriedBags, carried_bags
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import OrderDependencies


@pytest.fixture
async def checked(dependencies: OrderDependencies, city: City) -> CarriedBags:
    """Bags with a product that is not sold to minors, whose customer has passed the check."""
    database = dependencies.database
    async with database.write(PLATFORM, ORIGIN) as session:
        product = await session.merge(city.products[0], load=True)
        product.age_restricted = True
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    shown = ShownDocument(AgeCheckDocument.IDENTITY_CARD, is_old_enough=True)
    await riders.take_step(database, bags.rider, bags.delivery, deliveries.check_age, shown=shown)
    return bags


async def test_another_attempt_takes_another_check_of_the_age(
    database: Database, city: City, checked: CarriedBags
) -> None:
    """An adult showed a passport and nobody took the bags; at the second attempt the child opened,
    and the check of the first attempt let the rider hand over the beer.
    """
    bags = checked
    await riders.backdate_arrivals(database, city)
    fail = failed_attempts.fail_attempt
    await riders.take_step(database, bags.rider, bags.delivery, fail, **RECIPIENT_UNAVAILABLE)
    again, arrive = failed_attempts.attempt_again, deliveries.arrive_at_customer
    await riders.take_step(database, bags.rider, bags.delivery, again)
    expect_check(await riders.take_step(database, bags.rider, bags.delivery, arrive), bags.rider)


async def test_another_rider_checks_the_age_anew(
    database: Database, city: City, checked: CarriedBags
) -> None:
    """The check of the first rider counted for the one who took over the bags."""
    bags = checked
    agent = await riders.create_support_agent(database, city)
    second = await riders.bring_online(database, city, 1)
    arguments: dict[str, Any] = {"rider_id": city.riders[1].id, "override": OVERRIDE}
    await riders.take_step(database, agent, bags.delivery, reassignment.reassign, **arguments)
    step = deliveries.arrive_at_customer
    expect_check(await riders.take_step(database, second, bags.delivery, step), second)


def expect_check(delivery: Any, rider: Actor) -> None:
    actions = delivery_states.MACHINE.available_actions(delivery, rider)
    assert DeliveryAction.CHECK_AGE in actions
    assert DeliveryAction.COMPLETE not in actions
