"""Failed attempts: their proofs, waits and money rules, second attempts, and the way back."""

from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import DeliveryAction, DeliveryFailureReason, DeliveryProof, DeliveryStatus
from models.fulfillment import Fulfillment
from models.identity import Actor, Grant, Role
from models.orders import OrderCancelReason, OrderStatus
from models.payments import Refund
from models.timers import DEFAULT_TIMERS
from services.core.problems import InvalidInput, InvalidTransition
from services.delivery import deliveries, delivery_states, failed_attempts
from services.delivery.delivery_codes import InvalidHandoverCode
from services.delivery.failed_attempts import NoShowWaitRequired
from services.delivery.ride_settings import FAILURE_RULES, SETTINGS
from services.delivery.rider_distance import ProofMissing, TooFar
from services.fulfillment import handover
from tests.support import riders
from tests.support.carried_bags import OVERRIDE, RECIPIENT_UNAVAILABLE, carried_bags
from tests.support.city import City
from tests.support.paid_orders import OrderDependencies, capture_payment, reload_order

FAIL = failed_attempts.fail_attempt
# AGE_CHECK_FAILED takes a recorded check: tests/services/delivery/test_age_checks.py, and
# PAYMENT_LOST a lost payment: tests/workflows/payments/test_lost_on_the_way.py.
BY_RIDER = [
    reason
    for reason, rule in FAILURE_RULES.items()
    if rule.by_rider and not rule.proofs & {DeliveryProof.AGE_CHECK, DeliveryProof.PAYMENT}
]
AWAY_M = SETTINGS.place_radius_m + 500
PROVED: dict[str, Any] = {"call_attempt_count": 1, "note": "The dog is not on a leash."}


def test_every_reason_has_a_rule_and_no_rule_charges_without_the_wait() -> None:
    """The kind: no reason is a way around the wait of RECIPIENT_UNAVAILABLE."""
    assert set(FAILURE_RULES) == set(DeliveryFailureReason)
    for rule in FAILURE_RULES.values():
        if rule.fee_after_wait:
            assert DeliveryProof.POSITION in rule.proofs


def test_every_reason_of_a_rider_has_a_proof() -> None:
    """UNSAFE_LOCATION and ITEMS_DAMAGED took the bags back to the store without a word."""
    assert all(rule.proofs for rule in FAILURE_RULES.values() if rule.by_rider)


@pytest.mark.parametrize("reason", BY_RIDER)
async def test_no_reason_charges_the_customer_at_once(
    dependencies: OrderDependencies, city: City, reason: DeliveryFailureReason
) -> None:
    """The rider has just arrived and says that nobody is home, or that the address is wrong, or
    that the customer refuses: the customer does not pay the fee for a delivery without the wait.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    rule, arguments = FAILURE_RULES[reason], {"reason": reason, **PROVED}
    if rule.waits:
        agent = await riders.create_support_agent(database, city)
        for actor, override in ((bags.rider, None), (agent, OVERRIDE)):
            problem = await riders.refused_step(
                database, actor, bags.delivery, FAIL, override=override, **arguments
            )
            assert isinstance(problem, NoShowWaitRequired)
            assert 0 < problem.retry_after_seconds <= DEFAULT_TIMERS.no_show_wait_seconds
        return
    failed = await riders.take_step(database, bags.rider, bags.delivery, FAIL, **arguments)
    assert (failed.status, failed.fee_kept) == (DeliveryStatus.RETURNING, False)


@pytest.mark.parametrize("reason", BY_RIDER)
async def test_after_the_wait_the_fee_is_kept_as_the_reason_says(
    dependencies: OrderDependencies, city: City, reason: DeliveryFailureReason
) -> None:
    """After five minutes at the door the customer pays the fee of what happened at their end.

    Goods and tip are refunded, and the order is canceled.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    await capture_payment(database, bags.order)
    await riders.backdate_arrivals(database, city)
    arguments = {"reason": reason, **PROVED}
    failed = await riders.take_step(database, bags.rider, bags.delivery, FAIL, **arguments)
    rule = FAILURE_RULES[reason]
    assert failed.fee_kept is rule.fee_after_wait
    if failed.status is DeliveryStatus.ATTEMPT_FAILED:
        await riders.take_step(database, bags.rider, bags.delivery, failed_attempts.start_return)
    step = handover.complete_return
    returned = await riders.take_step(database, bags.staff, bags.delivery, step)
    assert returned.status is DeliveryStatus.RETURNED
    canceled = await reload_order(database, bags.order)
    assert canceled.status is OrderStatus.CANCELED
    assert canceled.cancel_reason is OrderCancelReason.DELIVERY_FAILED
    async with database.read(PLATFORM) as session:
        refund = (
            await session.scalars(select(Refund).where(Refund.order_id == bags.order.id))
        ).one()
    kept_minor = bags.order.delivery_fee_minor if failed.fee_kept else 0
    assert refund.amount_minor == bags.order.total_minor - kept_minor
    assert (await riders.rider_row(database, city)).live_delivery_id is None


@pytest.mark.parametrize("reason", BY_RIDER)
async def test_each_reason_needs_its_proofs(
    dependencies: OrderDependencies, city: City, reason: DeliveryFailureReason
) -> None:
    """The rider is a street away, the phone reports nothing, nobody called, or wrote why."""
    database, rule = dependencies.database, FAILURE_RULES[reason]
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    await riders.backdate_arrivals(database, city)
    arguments: dict[str, Any] = {"reason": reason}
    for proof in rule.proofs & {DeliveryProof.CALL, DeliveryProof.NOTE}:
        problem = await riders.refused_step(database, bags.rider, bags.delivery, FAIL, **arguments)
        assert isinstance(problem, ProofMissing)
        assert problem.missing == [proof]
    arguments |= PROVED
    await riders.age_positions(database, city)
    north = city.latitude + AWAY_M * riders.METER
    await riders.report_position(database, bags.rider, city, north, city.longitude)
    problem = await riders.refused_step(database, bags.rider, bags.delivery, FAIL, **arguments)
    assert isinstance(problem, TooFar)
    assert (problem.distance_meters, problem.max_distance_meters) == (
        AWAY_M,
        SETTINGS.place_radius_m,
    )
    await riders.age_positions(database, city, SETTINGS.position_fresh_seconds + 1)
    if DeliveryProof.POSITION in rule.proofs:
        problem = await riders.refused_step(database, bags.rider, bags.delivery, FAIL, **arguments)
        assert isinstance(problem, ProofMissing)
        assert problem.missing == [DeliveryProof.POSITION]
    else:
        failed = await riders.take_step(database, bags.rider, bags.delivery, FAIL, **arguments)
        assert (failed.failure_reason, failed.failure_note) == (reason, PROVED["note"])


async def test_only_support_says_that_the_rider_is_unavailable(
    dependencies: OrderDependencies, city: City
) -> None:
    """A rider could end any delivery by saying that there is no rider."""
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    arguments = {"reason": DeliveryFailureReason.RIDER_UNAVAILABLE}
    problem = await riders.refused_step(
        dependencies.database, bags.rider, bags.delivery, FAIL, **arguments
    )
    assert isinstance(problem, InvalidInput)


async def test_a_second_attempt_has_its_own_wait_and_is_the_last(
    dependencies: OrderDependencies, city: City
) -> None:
    """Nobody opens; the rider calls, goes around the house, and tries once more."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.ATTEMPT_FAILED)
    assert delivery_states.MACHINE.available_actions(bags.delivery, bags.rider) == [
        DeliveryAction.ATTEMPT_AGAIN, DeliveryAction.START_RETURN,
    ]  # fmt: skip
    again = await riders.take_step(
        database, bags.rider, bags.delivery, failed_attempts.attempt_again
    )
    assert (again.status, again.failure_reason) == (DeliveryStatus.EN_ROUTE_TO_CUSTOMER, None)
    await riders.take_step(database, bags.rider, bags.delivery, deliveries.arrive_at_customer)
    problem = await riders.refused_step(
        database, bags.rider, bags.delivery, FAIL, **RECIPIENT_UNAVAILABLE
    )
    assert isinstance(problem, NoShowWaitRequired)
    await riders.backdate_arrivals(database, city)
    failed = await riders.take_step(
        database, bags.rider, bags.delivery, FAIL, **RECIPIENT_UNAVAILABLE
    )
    assert (failed.status, failed.failed_attempt_count) == (DeliveryStatus.RETURNING, 2)
    assert failed.fee_kept


@pytest.fixture
async def returning(dependencies: OrderDependencies, city: City) -> Any:
    return await carried_bags(dependencies, city, DeliveryStatus.RETURNING)


async def test_the_code_of_the_pickup_is_no_proof_of_the_return(
    database: Database, city: City, returning: Any
) -> None:
    """A rider keeps the bags, and "returns" them from anywhere with the code of the pickup."""
    async with database.read(PLATFORM) as session:
        task = await session.get_one(Fulfillment, returning.delivery.fulfillment_id)
        fulfillment = task.handover_code
    return_code = returning.delivery.return_code
    assert return_code not in (None, fulfillment, returning.order.delivery_pin)
    step = handover.complete_return
    for left, code in ((4, fulfillment), (3, returning.order.delivery_pin)):
        problem = await riders.refused_step(
            database, returning.rider, returning.delivery, step, return_code=code
        )
        assert isinstance(problem, InvalidHandoverCode)
        assert (problem.attempts_remaining, problem.path) == (left, ["input", "returnCode"])
    returned = await riders.take_step(
        database, returning.rider, returning.delivery, step, return_code=return_code
    )
    assert (returned.status, returned.return_code) == (DeliveryStatus.RETURNED, None)


async def test_the_rider_returns_the_bags_at_the_store_alone(
    database: Database, city: City, returning: Any
) -> None:
    """The right code from far away, or without a position, is no return."""
    step, code = handover.complete_return, {"return_code": returning.delivery.return_code}
    await riders.age_positions(database, city)
    north = city.near.latitude + AWAY_M * riders.METER
    await riders.report_position(database, returning.rider, city, north, city.near.longitude)
    problem = await riders.refused_step(database, returning.rider, returning.delivery, step, **code)
    assert isinstance(problem, TooFar)
    await riders.age_positions(database, city, SETTINGS.position_fresh_seconds + 1)
    problem = await riders.refused_step(database, returning.rider, returning.delivery, step, **code)
    assert isinstance(problem, ProofMissing)
    returned = await riders.take_step(database, returning.staff, returning.delivery, step)
    assert returned.status is DeliveryStatus.RETURNED


async def test_after_five_wrong_return_codes_the_store_must_say_so(
    database: Database, returning: Any
) -> None:
    """A rider guesses the code of the return without being in the store."""
    step = handover.complete_return
    wrong = f"{(int(returning.delivery.return_code) + 1) % 10_000:04}"
    for left in (4, 3, 2, 1, 0):
        problem = await riders.refused_step(
            database, returning.rider, returning.delivery, step, return_code=wrong
        )
        assert (type(problem), problem.attempts_remaining) == (InvalidHandoverCode, left)
    code = {"return_code": returning.delivery.return_code}
    problem = await riders.refused_step(database, returning.rider, returning.delivery, step, **code)
    assert isinstance(problem, InvalidTransition)


async def test_support_ends_the_return_of_lost_bags_with_a_reason(
    database: Database, city: City, returning: Any
) -> None:
    """The bags never come back: support ends the delivery, and the customer gets the money."""
    agent = await riders.create_support_agent(database, city)
    step = handover.complete_return
    problem = await riders.refused_step(database, agent, returning.delivery, step)
    assert isinstance(problem, InvalidInput)
    ended = await riders.take_step(database, agent, returning.delivery, step, override=OVERRIDE)
    assert ended.status is DeliveryStatus.RETURNED


async def test_arrivals_and_handovers_from_far_away_are_refused(
    dependencies: OrderDependencies, city: City
) -> None:
    """A rider says "arrived", or completes, while the phone is a street away."""
    database = dependencies.database
    order, fulfillment, staff, delivery, rider = await riders.assigned_delivery(dependencies, city)
    await riders.pick_and_pack(dependencies, fulfillment, staff)
    away = city.near.latitude + AWAY_M * riders.METER, city.near.longitude
    home = city.near.latitude, city.near.longitude
    pin = {"pin": order.delivery_pin}
    for step, arguments in (
        (deliveries.arrive_at_store, {}),
        (deliveries.arrive_at_customer, {}),
        (deliveries.complete, pin),
    ):
        await riders.age_positions(database, city)
        await riders.report_position(database, rider, city, *away)
        problem = await riders.refused_step(database, rider, delivery, step, **arguments)
        assert isinstance(problem, TooFar)
        await riders.age_positions(database, city)
        await riders.report_position(database, rider, city, *home)
        await riders.take_step(database, rider, delivery, step, **arguments)
        if step is deliveries.arrive_at_store:
            await riders.take_step(database, staff, delivery, handover.pick_up)


async def test_without_a_fresh_position_the_rider_may_arrive_and_complete(
    dependencies: OrderDependencies, city: City
) -> None:
    """The phone has no signal in the basement: the customer's PIN is proof enough."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.PICKED_UP)
    await riders.age_positions(database, city, SETTINGS.position_fresh_seconds + 1)
    await riders.take_step(database, bags.rider, bags.delivery, deliveries.arrive_at_customer)
    pin = {"pin": bags.order.delivery_pin}
    done = await riders.take_step(database, bags.rider, bags.delivery, deliveries.complete, **pin)
    assert done.status is DeliveryStatus.DELIVERED


async def test_a_customer_takes_no_step(dependencies: OrderDependencies, city: City) -> None:
    """A customer could complete or fail the own delivery, and keep bags and money."""
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    customer = Actor(bags.order.customer_id, grants=(Grant(Role.CUSTOMER),))
    assert delivery_states.MACHINE.available_actions(bags.delivery, customer) == []
