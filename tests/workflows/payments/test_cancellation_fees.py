"""The fee for canceling once picking has begun."""

from typing import Any

import pytest
from sqlalchemy import update

from database.scope import PLATFORM
from models.companies import Company
from models.identity import Actor
from models.orders import Order, OrderCancelReason, OrderStatus
from models.payments import PaymentStatus
from services.checkout import cancellation
from services.core.problems import DomainError
from services.orders.cancellation_rules import CancellationFeeChanged, CancelReasonNotAllowed
from services.payments import refunds
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request
from tests.support.paid_orders import OrderDependencies, unexplained_stock, write_as
from tests.support.payments import Shop
from tests.support.riders import create_support_agent
from tests.support.store_staff import accept_task

FEE_MINOR = 150


async def order_in_picking(shop: Shop, city: City, buyer: Actor) -> Order:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        statement = update(Company).where(Company.id == city.company.id)
        await session.execute(statement.values(cancellation_fee_minor=FEE_MINOR))
    order = await shop.buy(buyer, order_request(city, 2))
    await shop.pay(order)
    await accept_task(OrderDependencies(shop.database, shop.reservation_queue), city, order)
    return order


async def cancel(
    shop: Shop, actor: Actor, order: Order, reason: OrderCancelReason, fee_minor: int | None = None
) -> Order:
    async with write_as(shop.database, actor, order.company_id) as session:
        return await cancellation.cancel_order(
            session,
            actor=actor,
            order_id=order.id,
            reason=reason,
            expected_fee_minor=fee_minor,
        )


async def refusal(*arguments: Any) -> Any:
    with pytest.raises(DomainError) as caught:
        await cancel(*arguments)
    (problem,) = caught.value.problems
    return problem


async def test_the_customer_pays_the_fee_that_was_shown(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Of the authorization the fee is captured, the rest released; nothing is refunded."""
    order = await order_in_picking(shop, city, buyer)
    changed = await refusal(shop, buyer, order, OrderCancelReason.CHANGED_MIND, 0)
    assert isinstance(changed, CancellationFeeChanged)
    assert changed.fee_minor == FEE_MINOR
    await cancel(shop, buyer, order, OrderCancelReason.CHANGED_MIND, FEE_MINOR)
    assert await shop.settle(order) is PaymentStatus.CAPTURED
    payment = await shop.payment(order)
    assert (payment.captured_amount_minor, payment.refunded_amount_minor) == (FEE_MINOR, 0)
    canceled = await shop.order(order)
    assert (canceled.status, canceled.cancellation_fee_minor) == (OrderStatus.CANCELED, FEE_MINOR)
    await shop.settle(order)
    async with shop.database.read(PLATFORM) as session:
        assert await refunds.refundable_minor(session, payment) == FEE_MINOR
    assert await unexplained_stock(shop.database, city) == []


async def test_a_fee_that_could_not_be_captured_is_not_shown(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The order showed a fee for ever although the authorization had ended before its capture."""
    order = await order_in_picking(shop, city, buyer)
    await shop.sandbox.store.post(f"/v1/payment_intents/{(await shop.intent(order)).id}/cancel")
    await cancel(shop, buyer, order, OrderCancelReason.CHANGED_MIND, FEE_MINOR)
    version = (await shop.order(order)).version
    assert await shop.settle(order) is PaymentStatus.VOIDED
    canceled = await shop.order(order)
    assert (canceled.status, canceled.cancellation_fee_minor) == (OrderStatus.CANCELED, 0)
    assert canceled.version > version
    assert (await shop.payment(order)).captured_amount_minor == 0


async def test_an_order_without_a_payment_is_canceled_without_a_fee(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The customer had to pay anew; whoever did not was shown a fee that nobody could take."""
    order = await order_in_picking(shop, city, buyer)
    await shop.sandbox.store.post(f"/v1/payment_intents/{(await shop.intent(order)).id}/cancel")
    await shop.settle(order)
    await cancel(shop, buyer, order, OrderCancelReason.CHANGED_MIND, 0)
    assert (await shop.order(order)).cancellation_fee_minor == 0


async def test_support_cancels_without_a_fee(shop: Shop, city: City, buyer: Actor) -> None:
    order = await order_in_picking(shop, city, buyer)
    agent = await create_support_agent(shop.database, city)
    await cancel(shop, agent, order, OrderCancelReason.SUSPECTED_FRAUD)
    assert await shop.settle(order) is PaymentStatus.VOIDED
    assert (await shop.order(order)).cancellation_fee_minor == 0


async def test_a_customer_cannot_give_the_reasons_of_others(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await order_in_picking(shop, city, buyer)
    for reason in (
        OrderCancelReason.SUSPECTED_FRAUD,
        OrderCancelReason.NO_STORE_AVAILABLE,
        OrderCancelReason.PAYMENT_LOST,
    ):
        problem = await refusal(shop, buyer, order, reason)
        assert isinstance(problem, CancelReasonNotAllowed)
        assert reason not in problem.allowed_reasons
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED
