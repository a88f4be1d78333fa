"""Failed delivery attempts: when they are possible, and how goods and money return."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from models.delivery import DeliveryStatus, FailReason
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.orders import CancelReason, Order, OrderStatus
from models.payments import Payment, PaymentStatus, Refund
from services.fulfillment import handover
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    order_dependencies,
    reload_order,
    unexplained_stock,
)
from tests.support.store_staff import on_hand, put_back_everything


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    async with order_dependencies(database) as running:
        yield running


async def capture_payment(database: Database, order: Order) -> None:
    """Store the capture that the order requests, as if the provider had answered."""
    async with database.write(PLATFORM, ORIGIN) as session:
        payment = await session.scalar(select(Payment).where(Payment.order_id == order.id))
        assert payment is not None
        assert payment.capture_wanted_minor is not None
        payment.captured_minor = payment.capture_wanted_minor
        payment.capture_wanted_minor, payment.status = None, PaymentStatus.CAPTURED


@pytest.mark.parametrize(
    ("reason", "fee_kept"),
    [
        (FailReason.NOBODY_HOME, True),
        (FailReason.UNSAFE, False),
        (FailReason.DAMAGED, False),
    ],
)
async def test_a_failed_attempt_returns_goods_and_refunds_the_payment(
    dependencies: OrderDependencies,
    city: City,
    reason: FailReason,
    fee_kept: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handover, "NO_SHOW_WAIT_SECONDS", 0)
    database = dependencies.database
    units_before = await on_hand(database, city.near, city, 0)
    order, delivery, rider = await riders.delivery_at_customer(dependencies, city)
    await capture_payment(database, order)
    failed = await riders.take_step(database, rider, delivery, handover.fail_attempt, reason=reason)
    assert failed.status is DeliveryStatus.RETURNING
    staff = await create_picker(database, city.near)
    returned = await riders.take_step(database, staff, delivery, handover.complete_return)
    assert returned.status is DeliveryStatus.RETURNED
    canceled = await reload_order(database, order)
    assert (canceled.status, canceled.cancel_reason) == (
        OrderStatus.CANCELED,
        CancelReason.NOT_DELIVERED,
    )
    assert await on_hand(database, city.near, city, 0) == units_before - 2
    async with database.read(PLATFORM) as session:
        refund = (await session.scalars(select(Refund).where(Refund.order_id == order.id))).one()
        fulfillment = await session.get_one(Fulfillment, delivery.fulfillment_id)
    kept_minor = order.delivery_fee_minor if fee_kept else 0
    assert refund.amount_minor == order.total_minor - kept_minor
    assert (fulfillment.status, fulfillment.put_back_is_open) == (FulfillmentStatus.CANCELED, True)
    await put_back_everything(database, staff, fulfillment)
    assert await on_hand(database, city.near, city, 0) == units_before
    assert (await riders.rider_row(database, city)).live_delivery_id is None
    assert not await unexplained_stock(database, city)


async def test_nobody_home_is_possible_only_after_five_minutes_at_the_door(
    dependencies: OrderDependencies, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = dependencies.database
    _, delivery, rider = await riders.delivery_at_customer(dependencies, city)
    nobody_home = {"reason": FailReason.NOBODY_HOME}
    for actor in (rider, await riders.create_support_agent(database, city)):
        problem = await riders.refused_step(
            database, actor, delivery, handover.fail_attempt, **nobody_home
        )
        assert isinstance(problem, handover.TooEarly)
        assert 290 < problem.retry_after_seconds <= 300
    monkeypatch.setattr(handover, "NO_SHOW_WAIT_SECONDS", 0)
    failed = await riders.take_step(database, rider, delivery, handover.fail_attempt, **nobody_home)
    assert (failed.status, failed.fail_reason) == (DeliveryStatus.RETURNING, nobody_home["reason"])
