"""A refused step of a ride says the true reason, and one that time cures."""

import pytest

from models.delivery import DeliveryFailureReason, DeliveryStatus
from services.core.problems import InvalidInput, InvalidTransition
from services.delivery import deliveries, failed_attempts
from tests.services.delivery.test_paid_waits import POSITION_WRONG
from tests.services.delivery.test_rider_release import release
from tests.support import riders
from tests.support.carried_bags import OVERRIDE, carried_bags
from tests.support.city import City
from tests.support.paid_orders import OrderDependencies

FAIL, COMPLETE = failed_attempts.fail_attempt, deliveries.complete
WAITING = (DeliveryFailureReason.RECIPIENT_UNAVAILABLE, DeliveryFailureReason.WRONG_ADDRESS)


async def test_a_step_before_the_arrival_is_not_refused_for_wrong_codes(
    dependencies: OrderDependencies, city: City
) -> None:
    """A rider who has just picked up taps "delivered" or "failed", and staff overrides the ride.

    All were told that too many wrong codes were tried, and nobody had tried one.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.PICKED_UP)
    refused = [
        await riders.refused_step(database, bags.rider, bags.delivery, COMPLETE, pin="0000"),
        await riders.refused_step(
            database,
            bags.rider,
            bags.delivery,
            FAIL,
            reason=DeliveryFailureReason.RECIPIENT_REFUSED,
        ),
        await riders.refused_step(database, bags.staff, bags.delivery, COMPLETE, override=OVERRIDE),
    ]
    for problem in refused:
        assert isinstance(problem, InvalidTransition)
        assert "arrival at the customer" in problem.message


async def test_staff_at_the_door_are_not_refused_for_wrong_codes(
    dependencies: OrderDependencies, city: City
) -> None:
    """The rider is at the customer, and staff completes the ride, which only support may do."""
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)
    problem = await riders.refused_step(
        database, bags.staff, bags.delivery, COMPLETE, override=OVERRIDE
    )
    assert isinstance(problem, InvalidTransition)
    assert problem.message == '"Complete" is not possible: the delivery is at customer.'


@pytest.mark.parametrize(
    "status", [DeliveryStatus.AT_CUSTOMER, DeliveryStatus.EN_ROUTE_TO_CUSTOMER]
)
async def test_support_is_not_told_to_wait_for_an_attempt_that_nobody_makes(
    dependencies: OrderDependencies, city: City, status: DeliveryStatus
) -> None:
    """The rider at the door, or on the way, is dismissed. Hours later support says "nobody home".

    Each answer was to wait 300 seconds more. A reason that is true ends the attempt.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, status)
    await release(database, bags.rider)
    agent = await riders.create_support_agent(database, city)
    for override in (OVERRIDE, POSITION_WRONG):
        for reason in WAITING:
            await riders.backdate_arrivals(database, city, 4_000)
            problem = await riders.refused_step(
                database, agent, bags.delivery, FAIL, reason=reason, override=override
            )
            assert isinstance(problem, InvalidInput)
            assert problem.path == ["input", "reason"]
    reason = DeliveryFailureReason.RIDER_UNAVAILABLE
    failed = await riders.take_step(
        database, agent, bags.delivery, FAIL, reason=reason, override=OVERRIDE
    )
    assert (failed.failure_reason, failed.fee_kept) == (reason, False)
