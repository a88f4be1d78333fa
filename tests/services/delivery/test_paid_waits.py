"""Waits at the door, before giving up and for the fee, count from a position there."""

from typing import Any

import pytest

from models.delivery import (
    DeliveryFailureReason,
    DeliveryOverrideReason,
    DeliveryProof,
    DeliveryStatus,
)
from models.timers import DEFAULT_TIMERS
from services.delivery import deliveries, failed_attempts
from services.delivery.failed_attempts import NoShowWaitRequired
from services.delivery.ride_settings import FAILURE_RULES, SETTINGS
from services.delivery.rider_distance import ProofMissing
from services.delivery.step_overrides import StepOverride
from tests.support import riders
from tests.support.carried_bags import OVERRIDE, RECIPIENT_UNAVAILABLE, CarriedBags, carried_bags
from tests.support.city import City
from tests.support.paid_orders import OrderDependencies

FAIL = failed_attempts.fail_attempt
POSITION_WRONG = StepOverride(DeliveryOverrideReason.POSITION_WRONG, "High buildings.")
AWAY_M = SETTINGS.place_radius_m + 500
AFTER_WAIT = [
    reason
    for reason, rule in FAILURE_RULES.items()
    if rule.fee_after_wait and reason is not DeliveryFailureReason.AGE_CHECK_FAILED
]


@pytest.mark.parametrize("reason", AFTER_WAIT)
async def test_a_wait_that_was_spent_on_the_way_charges_nobody(
    dependencies: OrderDependencies, city: City, reason: DeliveryFailureReason
) -> None:
    """The rider is 800 m away, the phone has been silent for a minute: "arrived", then five minutes
    of riding, one position at the door, and nobody is home: the customer paid for a wait that
    never was.
    """
    database = dependencies.database
    bags = await arrive_unseen(dependencies, city)
    await riders.backdate_arrivals(database, city)
    await riders.report_position(database, bags.rider, city, city.latitude, city.longitude)
    arguments: dict[str, Any] = {"reason": reason, "call_attempt_count": 1}
    if FAILURE_RULES[reason].waits:
        problem = await riders.refused_step(database, bags.rider, bags.delivery, FAIL, **arguments)
        assert isinstance(problem, NoShowWaitRequired)
        assert problem.retry_after_seconds > DEFAULT_TIMERS.no_show_wait_seconds - 60
        return
    failed = await riders.take_step(database, bags.rider, bags.delivery, FAIL, **arguments)
    assert not failed.fee_kept


async def test_support_charges_nobody_for_a_wait_that_no_position_shows(
    dependencies: OrderDependencies, city: City
) -> None:
    """Between high buildings the phone has no position: the rider waits and calls support.

    Support says so, and waits as long as riders do; only a position is a proof for the fee.
    """
    database = dependencies.database
    bags = await arrive_unseen(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    arguments: dict[str, Any] = {**RECIPIENT_UNAVAILABLE, "override": POSITION_WRONG}
    problem = await riders.refused_step(database, agent, bags.delivery, FAIL, **arguments)
    assert isinstance(problem, NoShowWaitRequired)
    await riders.backdate_arrivals(database, city)
    failed = await riders.take_step(database, agent, bags.delivery, FAIL, **arguments)
    assert (failed.status, failed.fee_kept) == (DeliveryStatus.RETURNING, False)


async def test_without_a_position_no_other_reason_ends_the_wait(
    dependencies: OrderDependencies, city: City
) -> None:
    """The rider reported the arrival on the way, and support knows only what the rider says."""
    database = dependencies.database
    bags = await arrive_unseen(dependencies, city)
    await riders.backdate_arrivals(database, city)
    agent = await riders.create_support_agent(database, city)
    for actor, override in ((bags.rider, None), (agent, OVERRIDE)):
        problem = await riders.refused_step(
            database, actor, bags.delivery, FAIL, override=override, **RECIPIENT_UNAVAILABLE
        )
        assert isinstance(problem, ProofMissing)
        assert problem.missing == [DeliveryProof.POSITION]


async def test_the_wait_that_is_paid_begins_with_the_first_position_at_the_door(
    dependencies: OrderDependencies, city: City
) -> None:
    """The phone finds its position after the arrival: a street away, and old, it shows nothing."""
    database = dependencies.database
    bags = await arrive_unseen(dependencies, city)
    north = city.latitude + AWAY_M * riders.METER
    await riders.report_position(database, bags.rider, city, north, city.longitude)
    assert (await riders.delivery_of(database, bags.order)).at_door_since is None
    seen = []
    for _ in range(2):
        await riders.age_positions(database, city)
        await riders.report_position(database, bags.rider, city, city.latitude, city.longitude)
        seen.append((await riders.delivery_of(database, bags.order)).at_door_since)
    assert seen[0] is not None
    assert seen[1] == seen[0]
    await riders.backdate_arrivals(database, city)
    failed = await riders.take_step(
        database, bags.rider, bags.delivery, FAIL, **RECIPIENT_UNAVAILABLE
    )
    assert failed.fee_kept


async def arrive_unseen(dependencies: OrderDependencies, city: City) -> CarriedBags:
    """Bags whose rider reported the arrival without a fresh position."""
    bags = await carried_bags(dependencies, city, DeliveryStatus.PICKED_UP)
    await riders.age_positions(dependencies.database, city, SETTINGS.position_fresh_seconds + 1)
    step = deliveries.arrive_at_customer
    arrived = await riders.take_step(dependencies.database, bags.rider, bags.delivery, step)
    assert arrived.at_door_since is None
    return bags
