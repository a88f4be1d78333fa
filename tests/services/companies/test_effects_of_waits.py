"""Waits of tasks, bags, searches and payments follow the timers of the company or of the store."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

import services
from database.scope import PLATFORM
from models.carts import SubstitutionPreference
from models.companies import Company
from models.delivery import DeliveryStatus
from models.identity import Actor
from models.ids import encode_id
from models.orders import OrderStatus
from models.stock import Hold
from models.support import TicketCategory
from models.timers import DEFAULT_TIMERS, TIMER_BOUNDS
from services.delivery.search_escalation import SEARCH_STEPS
from services.fulfillment import fulfillments, give_back, picking
from services.stores.timer_rules import TIMER_ORDERS, TimerOrder, camel_case
from tests.support import riders
from tests.support.actors import ActorClient
from tests.support.carried_bags import carried_bags, open_cases
from tests.support.checkout import change_steps
from tests.support.city import City
from tests.support.order_steps.lost_authorizations import PICKING, lose_authorization, paid_task
from tests.support.order_steps.order_timers import NAMES, UPDATE, SetTimers, clock
from tests.support.order_steps.ride_waits import (
    advance,
    backdate_search,
    check_carrier,
    fall_silent,
)
from tests.support.order_steps.substitute_steps import order_with_short_line, propose
from tests.support.paid_orders import (
    OrderDependencies,
    lines_of,
    place_paid_order,
    reload_order,
)
from tests.support.payments import Shop
from tests.support.store_staff import accept_task, run_step

SEARCH = (
    "search_wider_seconds",
    "search_alert_seconds",
    "search_cancel_offer_seconds",
    "search_end_seconds",
)
LONGEST = {name: most for name, (_, most) in TIMER_BOUNDS.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_timer_has_an_effect(name: str) -> None:
    """A setting that nothing reads looks like one that holds."""
    files = [*Path(services.__path__[0]).rglob("*.py")]
    files += [Path(__file__).parents[3] / "workflows" / "checkout" / "place_order.py"]
    readers = [one for one in files if name in one.read_text() and one.name != "timer_rules.py"]
    assert readers
    tests = "".join(one.read_text() for one in Path(__file__).parent.glob("test_effects_of_*.py"))
    assert f"{name}=" in tests or f'"{name}"' in tests


async def test_a_task_may_be_idle_as_long_as_the_timer_says(
    dependencies: OrderDependencies, city: City, set_by: SetTimers
) -> None:
    """From each step of its picker: the acceptance, and each line that is picked."""
    database = dependencies.database
    await set_by(database, city, picking_idle_seconds=3_600)
    before = await clock(database)
    order = await place_paid_order(dependencies, city)
    task, staff = await accept_task(dependencies, city, order)
    assert task.next_step_due_at is not None
    assert task.next_step_due_at >= before + timedelta(seconds=3_600)
    await set_by(database, city, picking_idle_seconds=120)
    [line, *_] = await lines_of(database, task)
    pick = picking.LinePick(line.quantity, line.id)
    picked = await run_step(database, staff, task, picking.pick_line, pick=pick)
    assert picked.next_step_due_at is not None
    assert picked.next_step_due_at <= await clock(database) + timedelta(seconds=120)


async def test_a_task_that_was_given_back_waits_as_long_as_the_timer_says(
    dependencies: OrderDependencies, city: City, set_by: SetTimers
) -> None:
    """With units in its bags."""
    database = dependencies.database
    await set_by(database, city, resume_seconds=1_800)
    order = await place_paid_order(dependencies, city)
    task, staff = await accept_task(dependencies, city, order)
    [line, *_] = await lines_of(database, task)
    pick = picking.LinePick(line.quantity, line.id)
    await run_step(database, staff, task, picking.pick_line, pick=pick)
    before = await clock(database)
    given_back = await run_step(database, staff, task, give_back.give_back)
    assert given_back.next_step_due_at is not None
    assert given_back.next_step_due_at >= before + timedelta(seconds=1_800)


async def test_a_silent_rider_with_the_bags_is_a_case_when_the_timer_says(
    dependencies: OrderDependencies, city: City, set_by: SetTimers
) -> None:
    database = dependencies.database
    await set_by(database, city, rider_silence_case_seconds=3_600)
    bags = await carried_bags(dependencies, city, DeliveryStatus.EN_ROUTE_TO_CUSTOMER)
    for seconds, cases in ((1_200, []), (2_500, [TicketCategory.RIDER_SILENT])):
        await fall_silent(database, city, bags.delivery, seconds)
        assert await check_carrier(database, bags.delivery)
        assert await open_cases(database, bags.order) == cases


async def test_a_customer_answers_a_substitute_as_long_as_the_timer_says(
    dependencies: OrderDependencies, city: City, set_by: SetTimers
) -> None:
    database = dependencies.database
    await set_by(database, city, substitute_answer_seconds=900)
    _, fulfillment, staff, line = await order_with_short_line(
        dependencies, city, SubstitutionPreference.ASK_ME
    )
    before = await clock(database)
    substitute = await propose(dependencies, fulfillment, staff, line, "P002")
    assert substitute.answer_due_at is not None
    assert substitute.answer_due_at >= before + timedelta(seconds=900)


async def test_bags_wait_as_long_as_the_timers_say(
    dependencies: OrderDependencies, city: City, set_by: SetTimers
) -> None:
    database = dependencies.database
    await set_by(database, city, packed_wait_seconds=1_800, staged_wait_seconds=3_600)
    _, fulfillment, staff, _ = await riders.accepted_order(dependencies, city)
    for line in await lines_of(database, fulfillment):
        pick = picking.LinePick(line.quantity, line.id)
        await run_step(database, staff, fulfillment, picking.pick_line, pick=pick)
    before = await clock(database)
    packed = await run_step(database, staff, fulfillment, picking.pack, bags=1)
    assert packed.next_step_due_at is not None
    least, most = (before + timedelta(seconds=seconds) for seconds in (1_800, 3_600))
    assert least <= packed.next_step_due_at < most
    staged = await run_step(database, staff, fulfillment, fulfillments.stage)
    assert staged.next_step_due_at is not None
    assert staged.next_step_due_at >= most


async def test_a_search_escalates_and_ends_when_the_timers_say(
    dependencies: OrderDependencies, city: City, set_by: SetTimers
) -> None:
    """Where riders are few, a search for two hours is better than an order that is canceled."""
    database = dependencies.database
    order, _, _, delivery = await riders.accepted_order(dependencies, city)
    await set_by(database, city, **{name: LONGEST[name] for name in SEARCH})
    for number, name in enumerate(SEARCH):
        for seconds in (getattr(DEFAULT_TIMERS, name) + 1, LONGEST[name] - 60):
            await backdate_search(database, delivery, seconds)
            await advance(database, delivery)
            searching = await riders.delivery_of(database, order)
            assert (searching.status, searching.search_step) == (DeliveryStatus.SEARCHING, number)
        await backdate_search(database, delivery, LONGEST[name] + 1)
        await advance(database, delivery)
    assert (await reload_order(database, order)).status is OrderStatus.CANCELED


async def test_a_payment_is_confirmed_again_as_long_as_the_timer_says(
    shop: Shop, city: City, buyer: Actor, set_by: SetTimers
) -> None:
    await set_by(shop.database, city, reauthorization_seconds=1_800)
    order, _, _ = await paid_task(shop, city, buyer, PICKING)
    before = await clock(shop.database)
    await lose_authorization(shop, order)
    reopened = await shop.order(order)
    assert reopened.payment_due_at is not None
    assert reopened.payment_due_at >= before + timedelta(seconds=1_800)


async def test_the_higher_total_of_a_change_is_confirmed_as_long_as_the_timer_says(
    shop: Shop, city: City, buyer: Actor, set_by: SetTimers
) -> None:
    """It was 300 seconds for everybody; the added units are reserved a little longer."""
    await set_by(shop.database, city, change_payment_seconds=900)
    order = await change_steps.paid_order(shop, city, buyer)
    before = await clock(shop.database)
    more = change_steps.lines(city, p0=2, p1=9)
    requested = await change_steps.change(shop, buyer, order, lines=more)
    assert requested.payment_due_at is not None
    assert requested.payment_due_at >= before + timedelta(seconds=900)
    async with shop.database.read(PLATFORM) as session:
        ends = select(Hold.expires_at).where(Hold.order_id == requested.id)
        assert min(await session.scalars(ends)) >= requested.payment_due_at


@pytest.mark.parametrize("order", TIMER_ORDERS, ids=lambda order: order.second)
async def test_timers_that_follow_each_other_stay_in_order(
    company_admin: ActorClient, shared_city: City, order: TimerOrder
) -> None:
    """The order was canceled before its customer was offered to cancel it."""
    timers = {
        camel_case(order.first): TIMER_BOUNDS[order.first][1],
        camel_case(order.second): TIMER_BOUNDS[order.second][0],
    }
    values = {"companyId": encode_id(Company, shared_city.company.id), "timers": timers}
    payload = (await company_admin.run(UPDATE, {"input": values}))["companyUpdate"]
    path = ["input", "timers", camel_case(order.second)]
    assert path in [error["path"] for error in payload["errors"]]


def test_the_defaults_and_bounds_of_a_search_do_not_descend() -> None:
    assert SEARCH[:-1] == tuple(step.timer for step in SEARCH_STEPS)
    assert {*pairwise(SEARCH)} <= {(order.first, order.second) for order in TIMER_ORDERS}
    for values in (
        [getattr(DEFAULT_TIMERS, name) for name in SEARCH],
        [TIMER_BOUNDS[name][0] for name in SEARCH],
        [TIMER_BOUNDS[name][1] for name in SEARCH],
    ):
        assert values == sorted(values)
