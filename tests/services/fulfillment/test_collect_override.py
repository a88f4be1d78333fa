"""Bags that are collected without the customer's code: by managers alone, who say why."""

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from models.delivery import DeliveryOverrideReason
from models.events import Event
from models.identity import Grant, Role
from services.core.problems import (
    CommittedDomainError,
    DomainError,
    InvalidInput,
    InvalidTransition,
)
from services.delivery.step_overrides import StepOverride
from services.events.event_log import order_stream
from services.fulfillment import fulfillment_states, pickups
from tests.support.carried_bags import OVERRIDE
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.order_steps.pickup_steps import COLLECTED, change_store, give_code, staged_order
from tests.support.paid_orders import OrderDependencies
from tests.support.store_staff import refusal_of_step


@pytest.fixture
async def city_with_pickup(dependencies: OrderDependencies, city: City) -> City:
    await change_store(dependencies.database, city, pickup_enabled=True)
    return city


async def test_the_code_of_a_pickup_is_tried_five_times(
    dependencies: OrderDependencies, city_with_pickup: City
) -> None:
    """Somebody who does not know the code tries to get the bags: then only a manager hands over."""
    database, city = dependencies.database, city_with_pickup
    order, task, staff = await staged_order(dependencies, city)
    wrong = "0000" if order.delivery_pin != "0000" else "1111"
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(CommittedDomainError) as caught:
            await give_code(database, staff, task, wrong)
        assert getattr(caught.value.problems[0], "attempts_remaining") == left  # noqa: B009 - any problem
    right = {"code": order.delivery_pin}
    problem = await refusal_of_step(database, staff, task, pickups.collect, **right)
    assert isinstance(problem, InvalidTransition)
    assert problem.message == fulfillment_states.TOO_MANY_CODES
    grant = Grant(Role.STORE_MANAGER, city.company.id, city.near.id)
    (manager,) = await create_people(database, 1, grant)
    with pytest.raises(DomainError) as refused:
        await give_code(database, manager, task, None)
    assert getattr(refused.value.problems[0], "path") == ["input", "override"]  # noqa: B009 - any problem
    collected = await give_code(database, manager, task, None, OVERRIDE)
    assert (collected.status, collected.override_reason) == (COLLECTED, OVERRIDE.reason)
    assert collected.override_note == OVERRIDE.note
    async with database.read(PLATFORM) as session:
        bodies = select(Event.body).where(
            Event.stream == order_stream(order.id), Event.type == "FULFILLMENT_COLLECTED"
        )
        (body,) = (await session.scalars(bodies)).all()
    assert (body["override_reason"], body["wrong_codes"]) == (OVERRIDE.reason, 5)


async def test_staff_needs_the_code_of_a_pickup(
    dependencies: OrderDependencies, city_with_pickup: City
) -> None:
    """The customer has forgotten the code: a picker alone can't hand the bags over."""
    database = dependencies.database
    _, task, staff = await staged_order(dependencies, city_with_pickup)
    with pytest.raises(CommittedDomainError) as caught:
        await give_code(database, staff, task, None)
    with pytest.raises(DomainError) as refused:  # nor by a reason: that is for managers
        await give_code(database, staff, task, None, OVERRIDE)
    assert isinstance(refused.value.problems[0], InvalidInput)
    assert getattr(caught.value.problems[0], "attempts_remaining") == 5  # noqa: B009 - any problem


async def test_a_manager_does_not_find_the_code_by_trying_all(
    dependencies: OrderDependencies, city_with_pickup: City
) -> None:
    """A manager tried code after code, found it, and nothing showed who had really collected."""
    database, city = dependencies.database, city_with_pickup
    order, task, _ = await staged_order(dependencies, city)
    grant = Grant(Role.STORE_MANAGER, city.company.id, city.near.id)
    (manager,) = await create_people(database, 1, grant)
    wrong = "0000" if order.delivery_pin != "0000" else "1111"
    for _ in range(fulfillment_states.MAX_PICKUP_ATTEMPTS):
        with pytest.raises(CommittedDomainError):
            await give_code(database, manager, task, wrong)
    for code in (wrong, order.delivery_pin):
        right_or_wrong = {"code": code}
        problem = await refusal_of_step(database, manager, task, pickups.collect, **right_or_wrong)
        assert isinstance(problem, InvalidInput), code
        assert problem.path == ["input", "override"]
    collected = await give_code(database, manager, task, None, OVERRIDE)
    assert (collected.status, collected.pickup_attempts) == (COLLECTED, 5)
    assert collected.override_reason is OVERRIDE.reason


async def test_another_reason_is_written_down(
    dependencies: OrderDependencies, city_with_pickup: City
) -> None:
    """A manager gave OTHER with a blank note as the reason: nobody learns what it was."""
    database, city = dependencies.database, city_with_pickup
    _, task, _ = await staged_order(dependencies, city)
    grant = Grant(Role.STORE_MANAGER, city.company.id, city.near.id)
    (manager,) = await create_people(database, 1, grant)
    for note in ("", "   ", "\u200b"):
        unknown = {"override": StepOverride(DeliveryOverrideReason.OTHER, note)}
        problem = await refusal_of_step(database, manager, task, pickups.collect, **unknown)
        assert isinstance(problem, InvalidInput)
        assert problem.path == ["input", "override", "note"]
    told = StepOverride(DeliveryOverrideReason.OTHER, "Her daughter shows the order.")
    assert (await give_code(database, manager, task, None, told)).override_note == told.note
