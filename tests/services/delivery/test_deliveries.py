"""The whole ride, its codes, and the ways in which it ends early."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import DeliveryAction, DeliveryStatus, FailReason, Rider
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor, Grant, Role
from models.orders import CancelReason, Order, OrderStatus
from models.payments import Payment, PaymentStatus, Refund
from services import checkout
from services.core.problems import IllegalStep, NotFound
from services.delivery import deliveries, delivery_states
from services.delivery.delivery_states import WrongDeliveryCode
from services.events.event_log import order_stream, rider_stream
from services.fulfillment import handover
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.paid_orders import Doors, fresh, opened, picker, unexplained, working
from tests.support.store_staff import on_hand, told


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as made:
        yield made


async def captured(database: Database, order: Order) -> None:
    """Let the provider have taken what was wanted."""
    async with database.write(PLATFORM, ORIGIN) as session:
        payment = await session.scalar(select(Payment).where(Payment.order_id == order.id))
        assert payment is not None
        assert payment.capture_wanted_minor is not None
        payment.captured_minor = payment.capture_wanted_minor
        payment.capture_wanted_minor, payment.status = None, PaymentStatus.CAPTURED


async def rider_row(database: Database, city: City, number: int = 0) -> Rider:
    async with database.read(PLATFORM) as session:
        return await session.get_one(Rider, city.riders[number].id)


async def agent(database: Database, city: City) -> Actor:
    return (await people(database, 1, Grant(Role.SUPPORT_AGENT, city.company.id)))[0]


async def test_a_ride_goes_from_the_offer_to_the_door(doors: Doors, city: City) -> None:
    database = doors.database
    order, task, staff, delivery, rider = await riders.assigned(doors, city)
    assert delivery.rider_name == "Rider"
    await riders.packed(doors, task, staff)
    await riders.a_while_later(database, city)
    at = (city.near.latitude, city.near.longitude)
    await riders.report(database, rider, city, *at)
    assert (await riders.delivery_of(database, order)).status is DeliveryStatus.TO_STORE
    there = await riders.ride(database, rider, delivery, deliveries.arrive_at_store)
    assert (there.status, there.bags) == (DeliveryStatus.AT_STORE, 1)
    code = {"handover_code": task.handover_code}
    taken = await riders.ride(database, rider, delivery, handover.pick_up, **code)
    assert taken.status is DeliveryStatus.PICKED_UP
    await riders.a_while_later(database, city)
    seen = await riders.report(database, rider, city, *at)
    assert seen.order_id == order.id
    assert seen.eta_seconds is not None
    assert (await riders.delivery_of(database, order)).status is DeliveryStatus.TO_CUSTOMER
    await riders.a_while_later(database, city)
    await riders.report(database, rider, city, city.latitude, city.longitude)
    assert (await riders.delivery_of(database, order)).status is DeliveryStatus.ARRIVING
    door = await riders.ride(database, rider, delivery, deliveries.arrive_at_customer)
    assert delivery_states.available_actions(door, rider) == [
        DeliveryAction.COMPLETE, DeliveryAction.FAIL,
    ]  # fmt: skip
    pin = {"pin": order.delivery_pin}
    done = await riders.ride(database, rider, delivery, deliveries.complete, **pin)
    assert done.status is DeliveryStatus.DELIVERED
    assert (await fresh(database, order)).status is OrderStatus.COMPLETED
    assert (await rider_row(database, city)).live_delivery_id is None
    happened = await told(database, order_stream(order.id))
    assert [kind for kind in happened if kind.startswith("DELIVERY_")] == [
        f"DELIVERY_{name}"
        for name in ("SEARCHING", "OFFERED", "ASSIGNED", "TO_STORE", "AT_STORE", "PICKED_UP",
                     "TO_CUSTOMER", "ARRIVING", "AT_CUSTOMER", "DELIVERED")
    ]  # fmt: skip


async def test_the_bags_leave_only_when_they_are_packed(doors: Doors, city: City) -> None:
    _, task, _, delivery, rider = await riders.assigned(doors, city)
    await riders.ride(doors.database, rider, delivery, deliveries.arrive_at_store)
    code = {"handover_code": task.handover_code}
    reason = await riders.refused(doors.database, rider, delivery, handover.pick_up, **code)
    assert isinstance(reason, IllegalStep)
    assert reason.state == FulfillmentStatus.ACCEPTED


async def test_a_wrong_handover_code_counts_and_staff_hands_over_without_one(
    doors: Doors, city: City
) -> None:
    database = doors.database
    order, task, staff, delivery, rider = await riders.assigned(doors, city)
    await riders.packed(doors, task, staff)
    await riders.ride(database, rider, delivery, deliveries.arrive_at_store)
    for left in (4, 3, 2, 1, 0):
        wrong = {"handover_code": "no"}
        reason = await riders.refused(database, rider, delivery, handover.pick_up, **wrong)
        assert isinstance(reason, WrongDeliveryCode)
        assert reason.tries_left == left
    right = {"handover_code": task.handover_code}
    reason = await riders.refused(database, rider, delivery, handover.pick_up, **right)
    assert isinstance(reason, IllegalStep)
    assert reason.legal == []
    taken = await riders.ride(database, staff, delivery, handover.pick_up)
    assert taken.status is DeliveryStatus.PICKED_UP
    assert (await fresh(database, order)).status is OrderStatus.CONFIRMED


async def test_five_wrong_pins_leave_the_door_to_support(doors: Doors, city: City) -> None:
    order, delivery, rider = await riders.at_the_door(doors, city)
    database = doors.database
    guesses = [f"x{number}" for number in range(9)]
    said = await asyncio.gather(
        *(
            riders.refused(database, rider, delivery, deliveries.complete, pin=guess)
            for guess in guesses
        )
    )
    wrong = [one for one in said if isinstance(one, WrongDeliveryCode)]
    assert sorted(one.tries_left for one in wrong) == [0, 1, 2, 3, 4]
    assert all(isinstance(one, IllegalStep) for one in said if one not in wrong)
    pin = {"pin": order.delivery_pin}
    reason = await riders.refused(database, rider, delivery, deliveries.complete, **pin)
    assert isinstance(reason, IllegalStep)
    assert reason.legal == [DeliveryAction.FAIL]
    helper = await agent(database, city)
    done = await riders.ride(database, helper, delivery, deliveries.complete)
    assert done.status is DeliveryStatus.DELIVERED


async def test_a_ride_without_a_pin_is_refused_and_counts_nothing(doors: Doors, city: City) -> None:
    _, delivery, rider = await riders.at_the_door(doors, city)
    reason = await riders.refused(doors.database, rider, delivery, deliveries.complete)
    assert isinstance(reason, WrongDeliveryCode)
    assert reason.tries_left == 5


@pytest.mark.parametrize(
    ("why", "fee_kept", "restocked"),
    [
        (FailReason.NOBODY_HOME, True, True),
        (FailReason.UNSAFE, False, True),
        (FailReason.DAMAGED, False, False),
    ],
)
async def test_a_failed_attempt_brings_goods_and_money_back(
    doors: Doors,
    city: City,
    why: FailReason,
    fee_kept: bool,
    restocked: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handover, "NO_SHOW_WAIT_SECONDS", 0)
    database = doors.database
    before = await on_hand(database, city.near, city, 0)
    order, delivery, rider = await riders.at_the_door(doors, city)
    await captured(database, order)
    failed = await riders.ride(database, rider, delivery, handover.fail, reason=why)
    assert failed.status is DeliveryStatus.RETURNING
    staff = await picker(database, city.near)
    back = await riders.ride(database, staff, delivery, handover.returned)
    assert back.status is DeliveryStatus.RETURNED
    now = await fresh(database, order)
    assert (now.status, now.cancel_reason) == (OrderStatus.CANCELED, CancelReason.NOT_DELIVERED)
    assert await on_hand(database, city.near, city, 0) == before - (0 if restocked else 2)
    async with database.read(PLATFORM) as session:
        refund = (await session.scalars(select(Refund).where(Refund.order_id == order.id))).one()
        task = await session.get_one(Fulfillment, delivery.fulfillment_id)
    kept = order.delivery_fee_minor if fee_kept else 0
    assert refund.amount_minor == order.total_minor - kept
    assert task.status is FulfillmentStatus.RESTOCKED
    assert (await rider_row(database, city)).live_delivery_id is None
    assert not await unexplained(database, city)


async def test_nobody_is_home_only_after_five_minutes_at_the_door(
    doors: Doors, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = doors.database
    _, delivery, rider = await riders.at_the_door(doors, city)
    nobody = {"reason": FailReason.NOBODY_HOME}
    for who in (rider, await agent(database, city)):
        reason = await riders.refused(database, who, delivery, handover.fail, **nobody)
        assert isinstance(reason, handover.TooEarly)
        assert 290 < reason.retry_after_seconds <= 300
    monkeypatch.setattr(handover, "NO_SHOW_WAIT_SECONDS", 0)
    failed = await riders.ride(database, rider, delivery, handover.fail, **nobody)
    assert (failed.status, failed.fail_reason) == (DeliveryStatus.RETURNING, nobody["reason"])


async def test_staff_takes_a_ride_from_its_rider_and_the_next_is_asked(
    doors: Doors, city: City
) -> None:
    database = doors.database
    order, _, staff, delivery, rider = await riders.assigned(doors, city)
    second = await riders.online(database, city, 1, north_m=700)
    free = await riders.ride(database, staff, delivery, deliveries.unassign)
    assert (free.status, free.rider_id, free.rider_name) == (DeliveryStatus.OFFERED, None, "")
    offer = await riders.open_offer(database, delivery)
    assert offer is not None
    assert offer.rider_person_id == second.person_id
    assert (await rider_row(database, city)).live_delivery_id is None
    reason = await riders.refused(database, rider, delivery, deliveries.arrive_at_store)
    assert isinstance(reason, NotFound)
    assert (await fresh(database, order)).status is OrderStatus.CONFIRMED


async def test_canceling_an_order_frees_its_rider_and_withdraws_its_offer(
    doors: Doors, city: City
) -> None:
    database = doors.database
    rider = await riders.online(database, city, 0)
    order, _, _, delivery = await riders.searching(doors, city)
    customer = Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))
    async with working(database, customer, order.company_id) as session:
        why = CancelReason.CHANGED_MIND
        await checkout.cancel_order(session, actor=customer, order_id=order.id, reason=why)
    assert (await riders.delivery_of(database, order)).status is DeliveryStatus.CANCELED
    assert await riders.open_offer(database, delivery) is None
    assert rider.person_id is not None
    assert "OFFER_WITHDRAWN" in await told(database, rider_stream(rider.person_id))


async def test_an_order_on_the_road_can_not_be_canceled(doors: Doors, city: City) -> None:
    order, delivery, _ = await riders.at_the_door(doors, city)
    helper = await agent(doors.database, city)

    async def cancel(session: AsyncSession, actor: Actor, delivery_id: UUID) -> None:
        locked = await session.get_one(Order, order.id, with_for_update=True)
        await deliveries.cancel_for(session, locked)

    reason = await riders.refused(doors.database, helper, delivery, cancel)
    assert isinstance(reason, IllegalStep)


STEPS: list[tuple[Any, dict[str, Any]]] = [
    (deliveries.arrive_at_store, {}),
    (deliveries.arrive_at_customer, {}),
    (deliveries.complete, {"pin": "0000"}),
    (handover.pick_up, {"handover_code": "0000"}),
    (handover.fail, {"reason": FailReason.REFUSED}),
    (handover.returned, {}),
    (deliveries.unassign, {}),
]


@pytest.mark.parametrize(("verb", "more"), STEPS)
async def test_people_of_another_company_and_customers_find_nothing(
    doors: Doors, city: City, verb: Any, more: dict[str, Any]
) -> None:
    order, _, _, delivery, _ = await riders.assigned(doors, city)
    strangers = [
        riders.as_actor(city.second.riders[0]),
        riders.as_actor(city.riders[2]),
        await picker(doors.database, city.second.stores[0]),
        Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),)),
    ]
    for stranger in strangers:
        reason = await riders.refused(doors.database, stranger, delivery, verb, **more)
        assert isinstance(reason, NotFound)


async def test_an_illegal_step_says_which_steps_are_legal(doors: Doors, city: City) -> None:
    _, _, _, delivery, rider = await riders.assigned(doors, city)
    reason = await riders.refused(doors.database, rider, delivery, deliveries.complete, pin="1")
    assert isinstance(reason, IllegalStep)
    assert (reason.state, reason.legal) == ("ASSIGNED", ["ARRIVE_AT_STORE"])
