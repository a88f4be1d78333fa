"""Deliveries from the offer to the customer, their codes, and the ways in which they end early."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import DeliveryAction, DeliveryFailureReason, DeliveryStatus
from models.fulfillment import FulfillmentStatus
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderCancelReason, OrderStatus
from services.checkout import cancellation
from services.core.problems import InvalidTransition, NotFound
from services.delivery import deliveries, delivery_states, failed_attempts
from services.delivery.delivery_codes import InvalidHandoverCode
from services.events.event_log import order_stream, rider_stream
from services.fulfillment import handover
from tests.support import riders
from tests.support.carried_bags import OVERRIDE
from tests.support.city import City
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    reload_order,
    write_as,
)
from tests.support.store_staff import event_types


@pytest.mark.leaves("Delivery.EN_ROUTE_TO_STORE")
async def test_a_delivery_goes_from_the_offer_to_the_customer(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    order, fulfillment, staff, delivery, rider = await riders.assigned_delivery(dependencies, city)
    assert delivery.rider_name == "Rider"
    await riders.pick_and_pack(dependencies, fulfillment, staff)
    await riders.age_positions(database, city)
    store_location = (city.near.latitude, city.near.longitude)
    await riders.report_position(database, rider, city, *store_location)
    assert (await riders.delivery_of(database, order)).status is DeliveryStatus.EN_ROUTE_TO_STORE
    at_store = await riders.take_step(database, rider, delivery, deliveries.arrive_at_store)
    assert (at_store.status, at_store.bag_count) == (DeliveryStatus.AT_STORE, 1)
    code = {"handover_code": fulfillment.handover_code}
    picked_up = await riders.take_step(database, rider, delivery, handover.pick_up, **code)
    assert picked_up.status is DeliveryStatus.PICKED_UP
    await riders.age_positions(database, city)
    report = await riders.report_position(database, rider, city, *store_location)
    assert report.order_id == order.id
    assert report.eta_seconds is not None
    assert (await riders.delivery_of(database, order)).status is DeliveryStatus.EN_ROUTE_TO_CUSTOMER
    await riders.age_positions(database, city)
    await riders.report_position(database, rider, city, city.latitude, city.longitude)
    assert (await riders.delivery_of(database, order)).status is DeliveryStatus.ARRIVING
    at_customer = await riders.take_step(database, rider, delivery, deliveries.arrive_at_customer)
    assert delivery_states.MACHINE.available_actions(at_customer, rider) == [
        DeliveryAction.COMPLETE, DeliveryAction.FAIL,
    ]  # fmt: skip
    pin = {"pin": order.delivery_pin}
    delivered = await riders.take_step(database, rider, delivery, deliveries.complete, **pin)
    assert delivered.status is DeliveryStatus.DELIVERED
    assert (await reload_order(database, order)).status is OrderStatus.COMPLETED
    assert (await riders.rider_row(database, city)).live_delivery_id is None
    events = await event_types(database, order_stream(order.id))
    assert [type_ for type_ in events if type_.startswith("DELIVERY_")] == [
        f"DELIVERY_{name}"
        for name in ("SEARCHING", "OFFERED", "ASSIGNED", "EN_ROUTE_TO_STORE", "AT_STORE",
        "PICKED_UP",
                     "EN_ROUTE_TO_CUSTOMER", "ARRIVING", "AT_CUSTOMER", "DELIVERED")
    ]  # fmt: skip


async def test_bags_can_be_picked_up_only_when_packed(
    dependencies: OrderDependencies, city: City
) -> None:
    _, fulfillment, _, delivery, rider = await riders.assigned_delivery(dependencies, city)
    await riders.take_step(dependencies.database, rider, delivery, deliveries.arrive_at_store)
    code = {"handover_code": fulfillment.handover_code}
    problem = await riders.refused_step(
        dependencies.database, rider, delivery, handover.pick_up, **code
    )
    assert isinstance(problem, InvalidTransition)
    assert problem.current_status == FulfillmentStatus.ACCEPTED


def wrong_codes(right: str) -> list[str]:
    """Nine codes that could be right and are not."""
    return [f"{(int(right) + number) % 10_000:04}" for number in range(1, 10)]


@pytest.mark.parametrize("mask", ["{} {}", "\u200e{}{}", "{}\u2013{}", "#{}{}\u00a0"])
async def test_a_code_is_read_however_the_rider_types_it(
    dependencies: OrderDependencies, city: City, mask: str
) -> None:
    """A space, a mark in front or another hyphen cost a try."""
    order, delivery, rider = await riders.delivery_at_customer(dependencies, city)
    typed = mask.format(order.delivery_pin[:2], order.delivery_pin[2:])
    done = await riders.take_step(
        dependencies.database, rider, delivery, deliveries.complete, pin=typed
    )
    assert done.status is DeliveryStatus.DELIVERED
    assert done.pin_tries == 0


async def test_what_is_no_code_costs_no_try(dependencies: OrderDependencies, city: City) -> None:
    _, delivery, rider = await riders.delivery_at_customer(dependencies, city)
    for typed in ("12", "12345", "no pin", ""):
        problem = await riders.refused_step(
            dependencies.database, rider, delivery, deliveries.complete, pin=typed
        )
        assert isinstance(problem, InvalidHandoverCode)
        assert problem.attempts_remaining == 5


async def test_wrong_handover_codes_are_counted_and_staff_needs_no_code(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    order, fulfillment, staff, delivery, rider = await riders.assigned_delivery(dependencies, city)
    await riders.pick_and_pack(dependencies, fulfillment, staff)
    await riders.take_step(database, rider, delivery, deliveries.arrive_at_store)
    for attempts_left in (4, 3, 2, 1, 0):
        wrong_code = {"handover_code": wrong_codes(fulfillment.handover_code)[0]}
        problem = await riders.refused_step(
            database, rider, delivery, handover.pick_up, **wrong_code
        )
        assert isinstance(problem, InvalidHandoverCode)
        assert problem.attempts_remaining == attempts_left
    right_code = {"handover_code": fulfillment.handover_code}
    problem = await riders.refused_step(database, rider, delivery, handover.pick_up, **right_code)
    assert isinstance(problem, InvalidTransition)
    assert problem.allowed_actions == []
    picked_up = await riders.take_step(database, staff, delivery, handover.pick_up)
    assert picked_up.status is DeliveryStatus.PICKED_UP
    assert (await reload_order(database, order)).status is OrderStatus.CONFIRMED


async def test_after_five_wrong_pins_only_support_can_complete(
    dependencies: OrderDependencies, city: City
) -> None:
    order, delivery, rider = await riders.delivery_at_customer(dependencies, city)
    database = dependencies.database
    guesses = wrong_codes(order.delivery_pin)
    problems = await asyncio.gather(
        *(
            riders.refused_step(database, rider, delivery, deliveries.complete, pin=guess)
            for guess in guesses
        )
    )
    wrong = [problem for problem in problems if isinstance(problem, InvalidHandoverCode)]
    assert sorted(problem.attempts_remaining for problem in wrong) == [0, 1, 2, 3, 4]
    assert all(
        isinstance(problem, InvalidTransition) for problem in problems if problem not in wrong
    )
    pin = {"pin": order.delivery_pin}
    problem = await riders.refused_step(database, rider, delivery, deliveries.complete, **pin)
    assert isinstance(problem, InvalidTransition)
    assert problem.allowed_actions == [DeliveryAction.FAIL]
    agent = await riders.create_support_agent(database, city)
    delivered = await riders.take_step(
        database, agent, delivery, deliveries.complete, override=OVERRIDE
    )
    assert delivered.status is DeliveryStatus.DELIVERED


async def test_completing_without_a_pin_is_refused_and_counts_no_attempt(
    dependencies: OrderDependencies, city: City
) -> None:
    _, delivery, rider = await riders.delivery_at_customer(dependencies, city)
    problem = await riders.refused_step(dependencies.database, rider, delivery, deliveries.complete)
    assert isinstance(problem, InvalidHandoverCode)
    assert problem.attempts_remaining == 5


async def test_staff_unassigns_a_rider_and_the_next_rider_gets_an_offer(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    order, _, staff, delivery, rider = await riders.assigned_delivery(dependencies, city)
    second = await riders.bring_online(database, city, 1, north_m=700)
    unassigned = await riders.take_step(database, staff, delivery, deliveries.unassign)
    assert (unassigned.status, unassigned.rider_id, unassigned.rider_name) == (
        DeliveryStatus.OFFERED,
        None,
        "",
    )
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    assert offer.rider_person_id == second.person_id
    assert (await riders.rider_row(database, city)).live_delivery_id is None
    problem = await riders.refused_step(database, rider, delivery, deliveries.arrive_at_store)
    assert isinstance(problem, NotFound)
    assert (await reload_order(database, order)).status is OrderStatus.CONFIRMED


async def test_canceling_an_order_releases_its_rider_and_withdraws_its_offer(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    await riders.bring_online(database, city, 0)
    order, _, _, delivery = await riders.accepted_order(dependencies, city)
    customer = Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))
    async with write_as(database, customer, order.company_id) as session:
        reason = OrderCancelReason.CHANGED_MIND
        await cancellation.cancel_order(session, actor=customer, order_id=order.id, reason=reason)
    assert (await riders.delivery_of(database, order)).status is DeliveryStatus.CANCELED
    assert await riders.open_offer(database, delivery) is None
    assert "OFFER_WITHDRAWN" in await event_types(database, rider_stream(city.riders[0].id))


async def test_an_order_that_was_picked_up_can_not_be_canceled(
    dependencies: OrderDependencies, city: City
) -> None:
    order, delivery, _ = await riders.delivery_at_customer(dependencies, city)
    agent = await riders.create_support_agent(dependencies.database, city)

    async def cancel(session: AsyncSession, actor: Actor, delivery_id: UUID) -> None:
        locked = await session.get_one(Order, order.id, with_for_update=True)
        await deliveries.cancel_for_order(session, locked)

    problem = await riders.refused_step(dependencies.database, agent, delivery, cancel)
    assert isinstance(problem, InvalidTransition)


STEPS: list[tuple[Any, dict[str, Any]]] = [
    (deliveries.arrive_at_store, {}),
    (deliveries.arrive_at_customer, {}),
    (deliveries.complete, {"pin": "0000"}),
    (handover.pick_up, {"handover_code": "0000"}),
    (failed_attempts.fail_attempt, {"reason": DeliveryFailureReason.RECIPIENT_REFUSED}),
    (handover.complete_return, {}),
    (deliveries.unassign, {}),
]


@pytest.mark.parametrize(("step", "arguments"), STEPS)
async def test_other_companies_other_riders_and_customers_get_not_found(
    dependencies: OrderDependencies, city: City, step: Any, arguments: dict[str, Any]
) -> None:
    order, _, _, delivery, _ = await riders.assigned_delivery(dependencies, city)
    strangers = [
        riders.as_actor(city.second.riders[0]),
        riders.as_actor(city.riders[2]),
        await create_picker(dependencies.database, city.second.stores[0]),
        Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),)),
    ]
    for stranger in strangers:
        problem = await riders.refused_step(
            dependencies.database, stranger, delivery, step, **arguments
        )
        assert isinstance(problem, NotFound)


async def test_an_illegal_step_lists_the_legal_steps(
    dependencies: OrderDependencies, city: City
) -> None:
    _, _, _, delivery, rider = await riders.assigned_delivery(dependencies, city)
    problem = await riders.refused_step(
        dependencies.database, rider, delivery, deliveries.complete, pin="1"
    )
    assert isinstance(problem, InvalidTransition)
    assert (problem.current_status, problem.allowed_actions) == ("ASSIGNED", ["ARRIVE_AT_STORE"])
