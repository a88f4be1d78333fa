"""The codes of an order differ, and five wrong ones are too many, whoever tries them."""

import secrets
from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import Delivery, DeliveryOverrideReason, DeliveryStatus
from models.fulfillment import Fulfillment
from models.identity import Actor
from models.orders import Order
from services.core.problems import InvalidTransition
from services.delivery import deliveries, failed_attempts, reassignment
from services.delivery.delivery_codes import MAX_CODE_ATTEMPTS, InvalidHandoverCode
from services.fulfillment import handover
from tests.services.delivery.test_rider_release import release
from tests.support import riders
from tests.support.carried_bags import OVERRIDE, RECIPIENT_UNAVAILABLE, CarriedBags, carried_bags
from tests.support.city import City
from tests.support.order_steps.reopened_orders import reopen
from tests.support.paid_orders import OrderDependencies, place_paid_order

MAX_TRIES = MAX_CODE_ATTEMPTS


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The codes that are drawn next, in this order; random ones after them."""
    codes: list[str] = []
    at_random = secrets.randbelow

    def draw(limit: int) -> int:
        return int(codes.pop(0)) if codes and limit == 10**4 else at_random(limit)

    monkeypatch.setattr(secrets, "randbelow", draw)
    return codes


async def codes_of(database: Database, order: Order) -> list[str]:
    """The codes that an order has now: PIN, handover codes and return codes."""
    async with database.read(PLATFORM) as session:
        row = await session.get_one(Order, order.id)
        tasks = select(Fulfillment.handover_code).where(Fulfillment.order_id == order.id)
        rides = select(Delivery.return_code).where(Delivery.order_id == order.id)
        codes = [*await session.scalars(tasks), *await session.scalars(rides)]
    return [row.delivery_pin, *(code for code in codes if code is not None)]


async def turn_back(database: Database, city: City, bags: CarriedBags) -> None:
    await riders.backdate_arrivals(database, city)
    fail, start = failed_attempts.fail_attempt, failed_attempts.start_return
    await riders.take_step(database, bags.rider, bags.delivery, fail, **RECIPIENT_UNAVAILABLE)
    await riders.take_step(database, bags.rider, bags.delivery, start)


async def reopen_returning(database: Database, city: City, bags: CarriedBags) -> None:
    """Bags on their way back are handed over all the same, so a return code is still there."""
    await turn_back(database, city, bags)
    step = deliveries.complete
    await riders.take_step(database, bags.staff, bags.delivery, step, override=OVERRIDE)
    await reopen(database, await riders.create_support_agent(database, city), bags.order)


@pytest.mark.parametrize("door", [turn_back, reopen_returning])
async def test_a_new_code_differs_from_all_codes_of_its_order(
    dependencies: OrderDependencies, city: City, drawn: list[str], door: Any
) -> None:
    """The customer's new PIN was the code with which the rider had picked the bags up, by chance:
    the rider completed the delivery without the customer.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    known = await codes_of(database, bags.order)
    drawn += known
    await door(database, city, bags)
    assert drawn == []
    codes = await codes_of(database, bags.order)
    assert len(set(codes)) == len(codes)


async def test_the_code_of_the_store_is_not_the_customers_pin(
    dependencies: OrderDependencies, city: City, drawn: list[str]
) -> None:
    """One of ten thousand orders had one code for both: its rider needed no customer."""
    drawn += ["0815", "0815"]
    order = await place_paid_order(dependencies, city)
    assert drawn == []
    pin, handover_code = await codes_of(dependencies.database, order)
    assert (pin, handover_code != pin) == ("0815", True)


@pytest.mark.leaves("Delivery.DELIVERED")
async def test_a_reopened_delivery_keeps_nothing_of_its_failed_attempt(
    dependencies: OrderDependencies, city: City
) -> None:
    """The code of the return, the reason of the failure and the kept fee were still there."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    await reopen_returning(database, city, bags)
    sent = await riders.delivery_of(database, bags.order)
    assert (sent.status, sent.return_code, sent.failure_reason, sent.failure_note,
    sent.fee_kept) == (
        DeliveryStatus.EN_ROUTE_TO_CUSTOMER, None, None, "", False,
    )  # fmt: skip
    assert sent.pin_tries == 0


async def test_the_note_of_an_older_step_is_not_that_of_the_released_rider(
    dependencies: OrderDependencies, city: City
) -> None:
    """Support gave the bags to another rider, and wrote why. That one is dismissed: the note of the
    first step stood beside the reason of the second.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.EN_ROUTE_TO_CUSTOMER)
    second = await hand_to_next(database, city, bags)
    assert (await riders.delivery_of(database, bags.order)).override_note == OVERRIDE.note
    await release(database, second)
    left = await riders.delivery_of(database, bags.order)
    assert left.override_reason is DeliveryOverrideReason.RIDER_DISMISSED
    assert left.override_note == ""


@pytest.mark.parametrize("name", ["pin", "return_code"])
async def test_a_group_of_riders_has_the_tries_of_one(
    dependencies: OrderDependencies, city: City, name: str
) -> None:
    """Two riders gave the bags to each other, and each had five tries of the code every time."""
    database = dependencies.database
    is_pin = name == "pin"
    status = DeliveryStatus.AT_CUSTOMER if is_pin else DeliveryStatus.RETURNING
    bags = await carried_bags(dependencies, city, status)
    step: Any = deliveries.complete if is_pin else handover.complete_return
    right = bags.order.delivery_pin if is_pin else bags.delivery.return_code
    assert right is not None
    wrong = {name: f"{(int(right) + 1) % 10_000:04}"}
    for left in range(MAX_TRIES - 1, 1, -1):
        problem = await riders.refused_step(database, bags.rider, bags.delivery, step, **wrong)
        assert (type(problem), problem.attempts_remaining) == (InvalidHandoverCode, left)
    second = await hand_to_next(database, city, bags)
    if is_pin:
        await riders.take_step(database, second, bags.delivery, deliveries.arrive_at_customer)
    for left in (1, 0):
        problem = await riders.refused_step(database, second, bags.delivery, step, **wrong)
        assert (type(problem), problem.attempts_remaining) == (InvalidHandoverCode, left)
    problem = await riders.refused_step(database, second, bags.delivery, step, **{name: right})
    assert isinstance(problem, InvalidTransition)
    agent = await riders.create_support_agent(database, city)
    done = await riders.take_step(database, agent, bags.delivery, step, override=OVERRIDE)
    assert done.status in (DeliveryStatus.DELIVERED, DeliveryStatus.RETURNED)


async def test_the_next_rider_at_the_store_has_the_tries_that_are_left(
    dependencies: OrderDependencies, city: City
) -> None:
    """Each rider who was sent to the store had five tries of its code."""
    database = dependencies.database
    _, fulfillment, staff, delivery, rider = await riders.assigned_delivery(dependencies, city)
    await riders.pick_and_pack(dependencies, fulfillment, staff)
    wrong = {"handover_code": f"{(int(fulfillment.handover_code) + 1) % 10_000:04}"}
    await riders.take_step(database, rider, delivery, deliveries.arrive_at_store)
    for left in range(MAX_TRIES - 1, 0, -1):
        problem = await riders.refused_step(database, rider, delivery, handover.pick_up, **wrong)
        assert problem.attempts_remaining == left
    second = await riders.bring_online(database, city, 1)
    await riders.take_step(database, staff, delivery, deliveries.unassign)
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    await riders.accept(database, second, offer)
    await riders.take_step(database, second, delivery, deliveries.arrive_at_store)
    problem = await riders.refused_step(database, second, delivery, handover.pick_up, **wrong)
    assert problem.attempts_remaining == 0
    right = {"handover_code": fulfillment.handover_code}
    problem = await riders.refused_step(database, second, delivery, handover.pick_up, **right)
    assert isinstance(problem, InvalidTransition)
    done = await riders.take_step(database, staff, delivery, handover.pick_up)
    assert done.status is DeliveryStatus.PICKED_UP


async def hand_to_next(database: Database, city: City, bags: CarriedBags) -> Actor:
    """Let support give the bags to another rider, who is near."""
    second = await riders.bring_online(database, city, 1)
    agent = await riders.create_support_agent(database, city)
    arguments = {"rider_id": city.riders[1].id, "override": OVERRIDE}
    step = reassignment.reassign
    await riders.take_step(database, agent, bags.delivery, step, **arguments)
    return second


@pytest.mark.parametrize(
    ("name", "others"), [("pin", "support agents"), ("return_code", "store staff")]
)
async def test_after_too_many_wrong_codes_the_refusal_names_who_may_go_on(
    dependencies: OrderDependencies, city: City, name: str, others: str
) -> None:
    """At the door it named the store, whose staff read the same sentence; only support may there.

    The last tries were "1 tries" and "0 tries".
    """
    is_pin = name == "pin"
    status = DeliveryStatus.AT_CUSTOMER if is_pin else DeliveryStatus.RETURNING
    bags = await carried_bags(dependencies, city, status)
    step: Any = deliveries.complete if is_pin else handover.complete_return
    right = bags.order.delivery_pin if is_pin else bags.delivery.return_code
    assert right is not None
    wrong = {name: f"{(int(right) + 1) % 10_000:04}"}
    refused = [
        await riders.refused_step(dependencies.database, bags.rider, bags.delivery, step, **wrong)
        for _ in range(MAX_TRIES + 1)
    ]
    tries = [one.message.removeprefix("That is not the code: ") for one in refused[-3:-1]]
    assert tries == ["1 more try.", "0 more tries."]
    message = refused[-1].message
    assert others in message
    assert ("store" in message) is not is_pin
