"""The money of an order is lost while its rider has the bags: a true reason to bring them back."""

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from models.delivery import Delivery, DeliveryFailureReason, DeliveryProof, DeliveryStatus
from models.fulfillment import PutBackLine
from models.identity import Actor
from models.orders import Order, OrderCancelReason, OrderStatus
from models.payments import Payment, PaymentStatus
from services.core.problems import InvalidTransition
from services.delivery import deliveries, failed_attempts
from services.delivery.rider_distance import ProofMissing
from services.fulfillment import handover
from tests.support import riders
from tests.support.carried_bags import OVERRIDE
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.order_steps.lost_authorizations import (
    STAGED,
    lose_authorization,
    paid_task,
)
from tests.support.payments import Shop

FAIL = failed_attempts.fail_attempt
LOST = {"reason": DeliveryFailureReason.PAYMENT_LOST}


async def carried(shop: Shop, city: City, buyer: Actor) -> tuple[Order, Delivery, Actor, Actor]:
    """A paid order whose rider is at the customer, the rider and the store's staff."""
    rider = await riders.bring_online(shop.database, city, 0)
    order, fulfillment, staff = await paid_task(shop, city, buyer, STAGED)
    delivery = await riders.delivery_of(shop.database, order)
    offer = await riders.open_offer(shop.database, delivery)
    assert offer is not None
    await riders.accept(shop.database, rider, offer)
    await riders.take_step(shop.database, rider, delivery, deliveries.arrive_at_store)
    code = {"handover_code": fulfillment.handover_code}
    await riders.take_step(shop.database, rider, delivery, handover.pick_up, **code)
    return order, delivery, rider, staff


@pytest.mark.parametrize("at_customer", [False, True])
async def test_a_lost_payment_brings_the_bags_back(
    shop: Shop, city: City, buyer: Actor, at_customer: bool
) -> None:
    """The rider could not complete, and every reason to return the bags was untrue.

    No wait and no fee: the customer did nothing at the door. The order ends as PAYMENT_LOST.
    """
    order, delivery, rider, staff = await carried(shop, city, buyer)
    actor, override = rider, None
    if at_customer:
        await riders.take_step(shop.database, rider, delivery, deliveries.arrive_at_customer)
    else:  # before the arrival only support gives reasons
        actor, override = await riders.create_support_agent(shop.database, city), OVERRIDE
    await lose_authorization(shop, order)
    await shop.settle(order)
    if at_customer:
        step, pin = deliveries.complete, {"pin": order.delivery_pin}
        problem = await riders.refused_step(shop.database, rider, delivery, step, **pin)
        assert isinstance(problem, InvalidTransition)
    failed = await riders.take_step(shop.database, actor, delivery, FAIL, override=override, **LOST)
    assert (failed.status, failed.failure_reason) == (
        DeliveryStatus.RETURNING, DeliveryFailureReason.PAYMENT_LOST,
    )  # fmt: skip
    assert not failed.fee_kept
    await riders.take_step(shop.database, staff, delivery, handover.complete_return)
    await shop.settle(order)
    canceled = await shop.order(order)
    assert (canceled.status, canceled.cancel_reason) == (
        OrderStatus.CANCELED, OrderCancelReason.PAYMENT_LOST,
    )  # fmt: skip
    assert [payment.captured_amount_minor for payment in await shop.attempts(order)] == [0]
    async with shop.database.read(PLATFORM) as session:
        of_task = PutBackLine.fulfillment_id == delivery.fulfillment_id
        assert (await session.scalars(select(PutBackLine).where(of_task))).all()


async def test_the_reason_is_refused_while_the_order_is_paid(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """It takes no wait and no place, so it would be a way around both; support has none either."""
    _, delivery, rider, _ = await carried(shop, city, buyer)
    await riders.take_step(shop.database, rider, delivery, deliveries.arrive_at_customer)
    agent = await riders.create_support_agent(shop.database, city)
    for actor, override in ((rider, None), (agent, OVERRIDE)):
        problem = await riders.refused_step(
            shop.database, actor, delivery, FAIL, override=override, **LOST
        )
        assert isinstance(problem, ProofMissing)
        assert (problem.missing, problem.path) == ([DeliveryProof.PAYMENT], ["input", "reason"])


@pytest.mark.parametrize("by_support", [False, True])
async def test_money_that_was_given_back_is_such_a_reason(
    shop: Shop, city: City, buyer: Actor, by_support: bool
) -> None:
    """The kind: whatever makes `deliveryComplete` refuse the hand-over is a reason to return."""
    order, delivery, rider, _ = await carried(shop, city, buyer)
    await riders.take_step(shop.database, rider, delivery, deliveries.arrive_at_customer)
    await shop.settle(order)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        payment = await session.scalar(select(Payment).where(Payment.order_id == order.id))
        assert payment is not None
        assert payment.status is PaymentStatus.CAPTURED
        payment.status = PaymentStatus.DISPUTED
    actor, override = rider, None
    if by_support:
        actor, override = await riders.create_support_agent(shop.database, city), OVERRIDE
    failed = await riders.take_step(shop.database, actor, delivery, FAIL, override=override, **LOST)
    assert failed.status is DeliveryStatus.RETURNING
