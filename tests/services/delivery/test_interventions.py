"""Support, and the store on the way back, move deliveries whose riders can't."""

from typing import Any

import pytest

from database.base import uuid7
from database.sessions import Database
from models.delivery import Delivery, DeliveryAction, DeliveryFailureReason, DeliveryStatus
from models.events import OrderEventKind
from models.identity import Actor, Grant, Role
from models.orders import OrderStatus
from services.core.problems import DomainError, InvalidInput, InvalidTransition, NotFound
from services.delivery import deliveries, delivery_states, failed_attempts, reassignment
from services.delivery.delivery_codes import MAX_CODE_ATTEMPTS
from services.delivery.delivery_parties import RIDER
from services.delivery.delivery_states import CARRYING_STATUSES
from services.events.event_log import order_stream, rider_stream
from services.fulfillment import handover
from tests.support import riders
from tests.support.carried_bags import CARRYING, OVERRIDE, carried_bags
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request
from tests.support.paid_orders import (
    OrderDependencies,
    authorize,
    reload_order,
)
from tests.support.store_staff import accept_task, event_types
from workflows.checkout import place_order

each_carrying_status = pytest.mark.parametrize("status", CARRYING)
BEFORE_RETURN = [status for status in CARRYING if status is not DeliveryStatus.RETURNING]


def test_the_states_with_the_bags_are_complete() -> None:
    """A state in which a rider carries bags, without a way for others, is a lost order."""
    assert set(CARRYING) == CARRYING_STATUSES


@each_carrying_status
async def test_support_completes_a_delivery_whose_phone_died(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """After pickup the phone of the rider dies; the customer has the bags and says so."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, status)
    agent = await riders.create_support_agent(database, city)
    complete = deliveries.complete
    problem = await riders.refused_step(database, agent, bags.delivery, complete)
    assert isinstance(problem, InvalidInput)  # no reason
    assert problem.path == ["input", "override"]
    done = await riders.take_step(database, agent, bags.delivery, complete, override=OVERRIDE)
    assert (done.status, done.override_reason) == (DeliveryStatus.DELIVERED, OVERRIDE.reason)
    assert done.override_note == OVERRIDE.note
    assert (await reload_order(database, bags.order)).status is OrderStatus.COMPLETED
    assert (await riders.rider_row(database, city)).live_delivery_id is None


@pytest.mark.parametrize("status", BEFORE_RETURN)
async def test_support_starts_the_return_of_a_rider_who_had_an_accident(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """The rider has an accident on the way: support sends the bags back from any state."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, status)
    agent = await riders.create_support_agent(database, city)
    step: Any = failed_attempts.fail_attempt
    arguments: dict[str, Any] = {"reason": DeliveryFailureReason.RIDER_UNAVAILABLE}
    if status is DeliveryStatus.ATTEMPT_FAILED:
        step, arguments = failed_attempts.start_return, {}
    problem = await riders.refused_step(database, agent, bags.delivery, step, **arguments)
    assert isinstance(problem, InvalidInput)
    returning = await riders.take_step(
        database, agent, bags.delivery, step, override=OVERRIDE, **arguments
    )
    assert returning.status is DeliveryStatus.RETURNING
    if status is not DeliveryStatus.ATTEMPT_FAILED:
        assert (returning.failure_reason, returning.fee_kept) == (arguments["reason"], False)
    returned = await riders.take_step(database, bags.staff, bags.delivery, handover.complete_return)
    assert returned.status is DeliveryStatus.RETURNED


@each_carrying_status
async def test_support_gives_the_bags_to_another_rider(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """The vehicle of the rider breaks down: another rider takes over, and brings the bags on."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, status)
    second = await riders.bring_online(database, city, 1)
    agent = await riders.create_support_agent(database, city)
    taken = await reassign(database, agent, bags.delivery, city, 1)
    returning = status is DeliveryStatus.RETURNING
    expected = DeliveryStatus.RETURNING if returning else DeliveryStatus.PICKED_UP
    assert (taken.status, taken.rider_person_id) == (expected, second.person_id)
    assert taken.former_rider_id == city.riders[0].id
    assert (await riders.rider_row(database, city, 0)).live_delivery_id is None
    assert (await riders.rider_row(database, city, 1)).live_delivery_id == taken.id
    assert OrderEventKind.DELIVERY_REASSIGNED in await event_types(
        database, order_stream(bags.order.id)
    )
    assert (await event_types(database, rider_stream(city.riders[0].id)))[-1] == (
        "DELIVERY_CHANGED"
    )
    problem = await riders.refused_step(
        database, bags.rider, bags.delivery, deliveries.arrive_at_customer
    )
    assert isinstance(problem, NotFound)
    if not returning:
        await riders.take_step(database, second, bags.delivery, deliveries.arrive_at_customer)
        pin = {"pin": bags.order.delivery_pin}
        await riders.take_step(database, second, bags.delivery, deliveries.complete, **pin)


async def test_only_a_free_rider_of_the_company_takes_over(
    dependencies: OrderDependencies, city: City
) -> None:
    """Bags would be given to a rider who has gone home, or who rides for another company."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.EN_ROUTE_TO_CUSTOMER)
    agent = await riders.create_support_agent(database, city)
    for number in (0, 1):  # on this delivery, offline
        with pytest.raises(DomainError) as caught:
            await reassign(database, agent, bags.delivery, city, number)
        [problem] = caught.value.problems
        assert isinstance(problem, InvalidTransition)
        assert problem.path == ["input", "riderId"]
    foreign = {"rider_id": city.second.riders[0].id, "override": OVERRIDE}
    problem = await riders.refused_step(
        database, agent, bags.delivery, reassignment.reassign, **foreign
    )
    assert isinstance(problem, NotFound)


@each_carrying_status
async def test_the_store_helps_on_the_way_back_alone(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """Staff would end deliveries that are on their way to the customer."""
    bags = await carried_bags(dependencies, city, status)
    actions = delivery_states.MACHINE.available_actions(bags.delivery, bags.staff)
    helps = status is DeliveryStatus.RETURNING
    expected = {DeliveryAction.COMPLETE, DeliveryAction.RETURN, DeliveryAction.REASSIGN}
    assert set(actions) == (expected if helps else set())


@each_carrying_status
async def test_support_has_a_way_out_of_every_state(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """The generated walk: in every state with the bags on the way support can end the delivery."""
    bags = await carried_bags(dependencies, city, status)
    agent = await riders.create_support_agent(dependencies.database, city)
    actions = set(delivery_states.MACHINE.available_actions(bags.delivery, agent))
    assert {DeliveryAction.COMPLETE, DeliveryAction.REASSIGN} <= actions
    assert actions & {DeliveryAction.FAIL, DeliveryAction.START_RETURN, DeliveryAction.RETURN}


async def test_a_rider_gives_no_reason_for_an_own_step(
    dependencies: OrderDependencies, city: City
) -> None:
    """A reason marks a step in place of the rider; own steps would be recorded as such."""
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    arguments = {"pin": bags.order.delivery_pin, "override": OVERRIDE}
    problem = await riders.refused_step(
        dependencies.database, bags.rider, bags.delivery, deliveries.complete, **arguments
    )
    assert isinstance(problem, InvalidInput)


async def test_nobody_is_offered_the_own_order(dependencies: OrderDependencies, city: City) -> None:
    """A rider on shift orders something: the delivery is offered to others only."""
    database = dependencies.database
    await riders.bring_online(database, city, 0)
    customer = Actor(city.riders[0].person_id, grants=(Grant(Role.CUSTOMER),))
    result = await place_order.place(
        dependencies, actor=customer, origin=ORIGIN, order_request=order_request(city, 1, (0, 1, 2))
    )
    await authorize(database, result.order)
    await accept_task(dependencies, city, result.order)
    delivery = await riders.delivery_of(database, result.order)
    assert await riders.open_offer(database, delivery) is None


async def reassign(
    database: Database, actor: Actor, delivery: Delivery, city: City, number: int
) -> Delivery:
    arguments = {"rider_id": city.riders[number].id, "override": OVERRIDE}
    return await riders.take_step(database, actor, delivery, reassignment.reassign, **arguments)


async def test_a_rider_who_is_staff_does_not_try_all_codes(
    dependencies: OrderDependencies, city: City
) -> None:
    """A rider with a role in the store tried PINs on the way back, where riders complete nothing.

    Neither a PIN nor a reason completes the own delivery there.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.RETURNING)
    both = Actor(bags.rider.person_id, grants=(*bags.rider.grants, *bags.staff.grants))
    complete, pin = deliveries.complete, {"pin": bags.order.delivery_pin}
    arguments: list[dict[str, Any]] = [pin, {"override": OVERRIDE}]
    for how in arguments:
        problem = await riders.refused_step(database, both, bags.delivery, complete, **how)
        assert isinstance(problem, InvalidTransition)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (DeliveryAction.PICK_UP, DeliveryStatus.AT_STORE),
        (DeliveryAction.RETURN, DeliveryStatus.RETURNING),
    ],
)
def test_nobody_is_both_sides_when_the_bags_change_hands(
    action: DeliveryAction, status: DeliveryStatus
) -> None:
    """A rider with a role in the store went on after five wrong codes: staff needs no code."""
    company, store, person = uuid7(), uuid7(), uuid7()
    staff = Grant(Role.STORE_STAFF, company, store)
    both = Actor(person, grants=(Grant(Role.RIDER, company), staff))
    delivery = Delivery(
        company_id=company, store_id=store, customer_id=uuid7(), rider_person_id=person
    )
    delivery.status, delivery.handover_tries, delivery.return_tries = status, 0, 0
    machine = delivery_states.MACHINE
    assert machine.is_open_to_party(delivery, both, action, RIDER)
    delivery.handover_tries = delivery.return_tries = MAX_CODE_ATTEMPTS
    assert action not in machine.available_actions(delivery, both)
    assert action in machine.available_actions(delivery, Actor(uuid7(), grants=(staff,)))
