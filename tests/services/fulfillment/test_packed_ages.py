"""What is not sold to minors when the bags are packed is checked at the hand-over."""

import pytest

from database.scope import PLATFORM
from database.sessions import Database
from models.carts import SubstitutionPreference
from models.delivery import DeliveryAction, DeliveryStatus
from services.core.problems import InvalidTransition
from services.delivery import deliveries, delivery_states
from services.fulfillment import handover, picking
from services.fulfillment.picking import LinePick
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.pickup_steps import change_store, pickup_request, place
from tests.support.order_steps.substitute_steps import answer, order_with_short_line, propose
from tests.support.paid_orders import (
    OrderDependencies,
    authorize,
    fulfillments_of,
    lines_of,
    reload_order,
)
from tests.support.store_staff import accept_task, run_step


async def restrict(database: Database, city: City, index: int) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        (await session.merge(city.products[index], load=True)).age_restricted = True


async def test_a_product_that_was_restricted_after_the_order_is_checked_at_the_door(
    dependencies: OrderDependencies, city: City
) -> None:
    """A product was put on sale without its age limit, which was added while the store picked: the
    rider handed it over unasked, since the order had no limit when it was placed.
    """
    database = dependencies.database
    order, task, staff, delivery, rider = await riders.assigned_delivery(dependencies, city)
    await restrict(database, city, 0)
    await riders.pick_and_pack(dependencies, task, staff)
    await riders.take_step(database, rider, delivery, deliveries.arrive_at_store)
    code = {"handover_code": task.handover_code}
    await riders.take_step(database, rider, delivery, handover.pick_up, **code)
    await riders.take_step(database, rider, delivery, deliveries.arrive_at_customer)
    pin = {"pin": order.delivery_pin}
    problem = await riders.refused_step(database, rider, delivery, deliveries.complete, **pin)
    assert isinstance(problem, InvalidTransition)
    at_door = await riders.delivery_of(database, order)
    assert (at_door.status, at_door.minimum_age) == (DeliveryStatus.AT_CUSTOMER, 18)
    actions = delivery_states.MACHINE.available_actions(at_door, rider)
    assert DeliveryAction.CHECK_AGE in actions
    assert (await reload_order(database, order)).minimum_age == 18


async def test_a_pickup_is_checked_for_what_was_restricted_after_the_order(
    dependencies: OrderDependencies, city: City
) -> None:
    """The same at the store, where no delivery is: its staff handed the bags over unasked."""
    database = dependencies.database
    await change_store(database, city, pickup_enabled=True)
    order = await place(dependencies, pickup_request(city))
    await authorize(database, order)
    task, staff = await accept_task(dependencies, city, order)
    await restrict(database, city, 1)
    await riders.pick_and_pack(dependencies, task, staff)
    (packed,) = await fulfillments_of(database, order)
    assert packed.minimum_age == 18
    lines = await lines_of(database, packed)
    assert [line.age_restricted for line in lines].count(True) == 1


@pytest.mark.parametrize("packed", [True, False])
async def test_a_substitute_that_was_restricted_after_its_proposal_is_checked(
    dependencies: OrderDependencies, city: City, packed: bool
) -> None:
    """The customer accepted a substitute that has an age limit since; a declined one has none."""
    database = dependencies.database
    order, task, staff, line = await order_with_short_line(
        dependencies, city, SubstitutionPreference.ASK_ME
    )
    substitute = await propose(dependencies, task, staff, line, "P002")
    await restrict(database, city, 1)
    await answer(dependencies, order, substitute, packed)
    await run_step(database, staff, task, picking.pack, bags=1)
    (done,) = await fulfillments_of(database, order)
    assert done.minimum_age == (18 if packed else None)
    assert (await riders.delivery_of(database, order)).minimum_age == done.minimum_age


async def test_a_restricted_product_that_was_not_found_takes_no_check(
    dependencies: OrderDependencies, city: City
) -> None:
    """It is not in the bags: the customer shows no document for the rest."""
    database = dependencies.database
    order, task, staff, _, _ = await riders.assigned_delivery(dependencies, city)
    await restrict(database, city, 0)
    for line in await lines_of(database, task):
        found = 0 if line.product_id == city.products[0].id else line.quantity
        await run_step(database, staff, task, picking.pick_line, pick=LinePick(found, line.id))
    await run_step(database, staff, task, picking.pack, bags=1)
    assert (await reload_order(database, order)).minimum_age is None
    assert (await riders.delivery_of(database, order)).minimum_age is None
