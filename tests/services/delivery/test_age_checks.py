"""Products that are not sold to minors, from the order to the door."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import (
    DeliveryAction,
    DeliveryFailureReason,
    DeliveryOverrideReason,
    DeliveryStatus,
)
from models.events import Event
from models.identity import Actor
from models.operations import AuditEntry
from models.orders import AgeCheck, AgeCheckDocument, AgeCheckResult, Order, OrderLine, OrderStatus
from services.carts.age_restrictions import AgeConfirmationRequired
from services.core.problems import DomainError, InvalidInput, InvalidTransition
from services.delivery import deliveries, delivery_states, failed_attempts
from services.delivery.rider_distance import ProofMissing
from services.delivery.step_overrides import StepOverride
from services.events.event_log import order_stream
from services.orders import age_checks
from services.orders.age_checks import ShownDocument
from tests.support import riders
from tests.support.carried_bags import OVERRIDE, CarriedBags, carried_bags
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request
from tests.support.paid_orders import (
    OrderDependencies,
    fulfillments_of,
    lines_of,
    reload_order,
)
from workflows.checkout import place_order

OLD_ENOUGH = ShownDocument(AgeCheckDocument.IDENTITY_CARD, is_old_enough=True)
TOO_YOUNG = ShownDocument(AgeCheckDocument.PASSPORT, is_old_enough=False)
NOTHING = ShownDocument(AgeCheckDocument.NONE)


@pytest.fixture
async def beer(database: Database, city: City) -> None:
    """The first product of the city is not sold to minors."""
    async with database.write(PLATFORM, ORIGIN) as session:
        product = await session.merge(city.products[0], load=True)
        product.age_restricted = True


async def bags_at_the_door(dependencies: OrderDependencies, city: City) -> CarriedBags:
    return await carried_bags(dependencies, city, DeliveryStatus.AT_CUSTOMER)


async def check(database: Database, actor: Actor, bags: CarriedBags, shown: ShownDocument) -> Any:
    step = deliveries.check_age
    return await riders.take_step(database, actor, bags.delivery, step, shown=shown)


async def complete(database: Database, bags: CarriedBags) -> Any:
    pin = {"pin": bags.order.delivery_pin}
    return await riders.take_step(database, bags.rider, bags.delivery, deliveries.complete, **pin)


async def test_an_order_takes_the_customers_confirmation_of_age(
    dependencies: OrderDependencies, city: City, beer: None
) -> None:
    """Nine 12-packs of beer were sold without a question."""
    (customer,) = await create_people(dependencies.database)
    arguments: dict[str, Any] = {"actor": customer, "origin": ORIGIN}
    with pytest.raises(DomainError) as caught:
        await place_order.place(
            dependencies, order_request=order_request(city, 1, (0, 1)), **arguments
        )
    (problem,) = caught.value.problems
    assert isinstance(problem, AgeConfirmationRequired)
    assert (problem.product_ids, problem.minimum_age) == ([city.products[0].id], 18)
    request = order_request(city, 2, (0, 1), age_confirmed=True)
    order = (await place_order.place(dependencies, order_request=request, **arguments)).order
    assert order.minimum_age == 18
    async with dependencies.database.read(PLATFORM) as session:
        lines = await session.scalars(
            select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.position)
        )
        assert [line.age_restricted for line in lines] == [True, False]


async def test_an_order_without_such_products_has_nothing_to_check(
    dependencies: OrderDependencies, city: City
) -> None:
    bags = await bags_at_the_door(dependencies, city)
    assert bags.delivery.minimum_age is None
    problem = await riders.refused_step(
        dependencies.database, bags.rider, bags.delivery, deliveries.check_age, shown=OLD_ENOUGH
    )
    assert isinstance(problem, InvalidTransition)
    assert (await complete(dependencies.database, bags)).status is DeliveryStatus.DELIVERED


async def test_the_picker_sees_what_is_not_sold_to_minors(
    dependencies: OrderDependencies, city: City, beer: None
) -> None:
    bags = await bags_at_the_door(dependencies, city)
    [task] = await fulfillments_of(dependencies.database, bags.order)
    assert task.minimum_age == 18
    lines = await lines_of(dependencies.database, task)
    restricted = {line.product_id: line.age_restricted for line in lines}
    assert [restricted[city.products[index].id] for index in range(3)] == [True, False, False]


async def test_the_bags_are_not_handed_over_before_a_check_was_passed(
    dependencies: OrderDependencies, city: City, beer: None
) -> None:
    """The rider stands at the door: neither the PIN nor support replaces the check."""
    database = dependencies.database
    bags = await bags_at_the_door(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    actions = delivery_states.MACHINE.available_actions(bags.delivery, bags.rider)
    assert DeliveryAction.CHECK_AGE in actions
    assert DeliveryAction.COMPLETE not in actions
    for actor, how in (
        (bags.rider, {"pin": bags.order.delivery_pin}),
        (agent, {"override": OVERRIDE}),
    ):
        problem = await riders.refused_step(
            database, actor, bags.delivery, deliveries.complete, **how
        )
        assert isinstance(problem, InvalidTransition)
        assert problem.message == "Check first that the customer is at least 18 years old."
    assert (await check(database, bags.rider, bags, OLD_ENOUGH)).age_check_result == "PASSED"
    assert (await complete(database, bags)).status is DeliveryStatus.DELIVERED


async def test_a_check_is_kept_with_who_and_when_and_without_the_date_of_birth(
    dependencies: OrderDependencies, city: City, beer: None
) -> None:
    database = dependencies.database
    bags = await bags_at_the_door(dependencies, city)
    born = date(date.today().year - 17, 1, 1)  # noqa: DTZ011 - a date in any time zone
    await check(database, bags.rider, bags, ShownDocument(AgeCheckDocument.PASSPORT, born))
    async with database.read(PLATFORM) as session:
        row = await session.scalar(select(AgeCheck).where(AgeCheck.order_id == bags.order.id))
    assert row is not None
    assert (row.checked_by_id, row.document) == (bags.rider.person_id, AgeCheckDocument.PASSPORT)
    assert (row.result, row.from_birth_date) == (AgeCheckResult.FAILED, True)
    assert row.checked_at is not None
    assert not {"birth_date", "document_number"} & set(AgeCheck.__table__.columns.keys())


async def test_after_a_failed_check_the_bags_come_back(
    dependencies: OrderDependencies, city: City, beer: None
) -> None:
    """The reason takes a recorded check that failed; the fee is kept after the wait only."""
    database = dependencies.database
    bags = await bags_at_the_door(dependencies, city)
    fail, reason = failed_attempts.fail_attempt, {"reason": DeliveryFailureReason.AGE_CHECK_FAILED}
    problem = await riders.refused_step(database, bags.rider, bags.delivery, fail, **reason)
    assert isinstance(problem, ProofMissing)
    await check(database, bags.rider, bags, OLD_ENOUGH)
    problem = await riders.refused_step(database, bags.rider, bags.delivery, fail, **reason)
    assert isinstance(problem, ProofMissing)
    await check(database, bags.rider, bags, TOO_YOUNG)
    failed = await riders.take_step(database, bags.rider, bags.delivery, fail, **reason)
    assert (failed.status, failed.fee_kept) == (DeliveryStatus.RETURNING, False)
    order: Order = await reload_order(database, bags.order)
    assert order.status is OrderStatus.CONFIRMED


@pytest.mark.parametrize(
    "shown",
    [
        ShownDocument(AgeCheckDocument.PASSPORT),
        ShownDocument(AgeCheckDocument.PASSPORT, date(1990, 1, 1), True),
        ShownDocument(AgeCheckDocument.PASSPORT, date(2990, 1, 1)),
        ShownDocument(AgeCheckDocument.NONE, is_old_enough=True),
        ShownDocument(AgeCheckDocument.NONE, date(1990, 1, 1)),
        ShownDocument(AgeCheckDocument.PASSPORT, date(1790, 1, 1)),
    ],
)
async def test_a_check_takes_one_plausible_answer(
    dependencies: OrderDependencies, city: City, beer: None, shown: ShownDocument
) -> None:
    """No document and old enough, a slip of the finger, was a failed check: final for the rider."""
    bags = await bags_at_the_door(dependencies, city)
    problem = await riders.refused_step(
        dependencies.database, bags.rider, bags.delivery, deliveries.check_age, shown=shown
    )
    assert isinstance(problem, InvalidInput)
    assert (await riders.delivery_of(dependencies.database, bags.order)).age_check_result is None


@pytest.mark.parametrize(
    ("born", "today", "age"),
    [
        (date(2008, 11, 30), date(2026, 11, 29), 17),
        (date(2008, 11, 30), date(2026, 11, 30), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
    ],
)
def test_ages_are_whole_years(born: date, today: date, age: int) -> None:
    assert age_checks.age_at(born, today) == age


async def test_who_is_not_at_the_door_says_why_the_age_is_checked(
    dependencies: OrderDependencies, city: City, beer: None
) -> None:
    """Support and the store recorded a check that only the rider can see, and nobody knew why."""
    database = dependencies.database
    bags = await bags_at_the_door(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    step = deliveries.check_age
    for helper in (agent, bags.staff):
        problem = await riders.refused_step(database, helper, bags.delivery, step, shown=OLD_ENOUGH)
        assert isinstance(problem, InvalidInput)
        assert problem.path == ["input", "override"]
        arguments: dict[str, Any] = {"shown": OLD_ENOUGH, "override": OVERRIDE}
        checked = await riders.take_step(database, helper, bags.delivery, step, **arguments)
        assert (checked.age_check_result, checked.override_note) == (
            AgeCheckResult.PASSED, OVERRIDE.note,
        )  # fmt: skip
    arguments = {"shown": OLD_ENOUGH, "override": OVERRIDE}
    problem = await riders.refused_step(database, bags.rider, bags.delivery, step, **arguments)
    assert isinstance(problem, InvalidInput)
    async with database.read(PLATFORM) as session:
        bodies = select(Event.body).where(
            Event.stream == order_stream(bags.order.id), Event.type == "AGE_CHECKED"
        )
        reasons = {body["override_reason"] for body in (await session.scalars(bodies)).all()}
    assert reasons == {OVERRIDE.reason}


async def test_the_note_of_an_age_check_outlives_the_next_override(
    dependencies: OrderDependencies, city: City, beer: None
) -> None:
    """Support checks the age, then completes: the second note replaces the first in the row.

    The audit rows keep both, each with the step that it belongs to.
    """
    database = dependencies.database
    bags = await bags_at_the_door(dependencies, city)
    agent = await riders.create_support_agent(database, city)
    notes = ["He showed it in a video call.", "The rider's phone is broken."]
    first, second = (StepOverride(DeliveryOverrideReason.OTHER, note) for note in notes)
    step = deliveries.check_age
    arguments: dict[str, Any] = {"shown": OLD_ENOUGH, "override": first}
    await riders.take_step(database, agent, bags.delivery, step, **arguments)
    last = deliveries.complete
    done = await riders.take_step(database, agent, bags.delivery, last, override=second)
    assert done.override_note == second.note
    changed = {"table": "delivery", "key": [str(bags.delivery.id)]}
    rows = select(AuditEntry.changes).where(AuditEntry.changes.contains([changed]))
    async with database.read(PLATFORM) as session:
        audited = (await session.scalars(rows.order_by(AuditEntry.id))).all()
    after = [row["after"] for changes in audited for row in changes if row["table"] == "delivery"]
    assert [row["override_note"] for row in after if row.get("override_note")] == notes


async def test_a_rider_who_is_staff_says_why_the_age_is_checked_away_from_the_door(
    dependencies: OrderDependencies, city: City, beer: None
) -> None:
    """A rider with a role in the store recorded the check at once after pickup, without a reason.

    At the door the same person checks as every rider does.
    """
    database = dependencies.database
    bags = await carried_bags(dependencies, city, DeliveryStatus.PICKED_UP)
    both = Actor(bags.rider.person_id, grants=(*bags.rider.grants, *bags.staff.grants))
    step = deliveries.check_age
    problem = await riders.refused_step(database, both, bags.delivery, step, shown=OLD_ENOUGH)
    assert isinstance(problem, InvalidInput)
    assert problem.path == ["input", "override"]
    arguments: dict[str, Any] = {"shown": OLD_ENOUGH, "override": OVERRIDE}
    checked = await riders.take_step(database, both, bags.delivery, step, **arguments)
    assert checked.override_reason is OVERRIDE.reason
    await riders.take_step(database, both, bags.delivery, deliveries.arrive_at_customer)
    assert (await check(database, both, bags, OLD_ENOUGH)).age_check_result is AgeCheckResult.PASSED
