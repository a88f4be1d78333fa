"""The money of orders that end: declined cards, returns with a kept fee, late authorizations."""

from typing import Any

import pytest
from sqlalchemy import text

from database.scope import PLATFORM
from gateways.payments import IntentState
from jobs import orders as order_jobs
from models.identity import Actor
from models.orders import Order, OrderStatus
from models.payments import Payment, PaymentStatus
from services.orders import stages
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request
from tests.support.payments import Shop, cancel, stock_counts
from tests.support.payments.settlement import (
    LostAnswers,
    OfflinePayments,
    captured_order,
    end_payment,
    issue_refund,
    make_older,
    paid_order,
    refunds_of,
    request_capture,
    try_as_scheduled,
)

OFFLINE: Any = OfflinePayments()
FEE_MINOR = 150


async def let_payment_time_pass(shop: Shop, order: Order) -> None:
    """Run the job that ends unpaid orders after the order's deadline."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        statement = text(
            "update \"order\" set payment_due_at = now() - interval '1 s' where id = :order"
        )
        await session.execute(statement, {"order": order.id})
    await order_jobs.expire_unpaid_orders(shop.database, shop.payments)


async def test_a_declined_card_that_nobody_retries_ends_as_payment_failed(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The card is declined and the customer leaves: the order used to end as EXPIRED."""
    order = await shop.buy(buyer, order_request(city))
    assert await shop.pay(order, "pm_card_chargeDeclined") is PaymentStatus.FAILED
    await let_payment_time_pass(shop, order)
    ended = await shop.order(order)
    assert ended.status is OrderStatus.PAYMENT_FAILED
    assert stages.replay_status(await shop.events(order)) is ended.status
    assert await stock_counts(shop, city) == (50, 0)
    assert (await shop.payment(order)).status is PaymentStatus.VOIDED
    assert (await shop.intent(order)).state is IntentState.VOIDED


@pytest.mark.parametrize("is_paid", [False, True])
@pytest.mark.parametrize("refunded_before_minor", [0, 100, FEE_MINOR, 900])
async def test_a_kept_fee_stays_kept_when_something_was_refunded_before(
    shop: Shop, city: City, buyer: Actor, refunded_before_minor: int, *, is_paid: bool
) -> None:
    """A goodwill refund, paid or still on its way, then a return at which the fee is kept.

    The fee used to be given back as far as something had been refunded before.
    """
    order = await captured_order(shop, city, buyer)
    if refunded_before_minor:
        await issue_refund(shop, order, refunded_before_minor)
    if is_paid:
        await shop.settle(order)
    paid_before_minor = refunded_before_minor if is_paid else 0
    assert (await shop.payment(order)).refunded_amount_minor == paid_before_minor
    await end_payment(shop, order, keep_minor=FEE_MINOR)
    await shop.settle(order)
    payment = await shop.payment(order)
    kept_minor = payment.captured_amount_minor - payment.refunded_amount_minor
    assert kept_minor == min(FEE_MINOR, 1000 - refunded_before_minor)


async def test_a_capture_that_is_pending_at_the_return_does_not_lose_the_fee(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The provider is down from the packing to the return: just the fee is captured then."""
    order = await paid_order(shop, city, buyer)
    await request_capture(shop, order)
    await try_as_scheduled(shop, order, OFFLINE, times=3)
    await end_payment(shop, order, keep_minor=FEE_MINOR)
    await try_as_scheduled(shop, order)
    payment = await shop.payment(order)
    assert (payment.status, payment.captured_amount_minor) == (PaymentStatus.CAPTURED, FEE_MINOR)
    assert await refunds_of(shop, order) == []


async def test_a_capture_whose_answer_was_lost_before_the_return_is_refunded_less_the_fee(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The whole amount was captured and the answer was lost: the rest goes back, the fee stays."""
    order = await paid_order(shop, city, buyer)
    await request_capture(shop, order)
    await try_as_scheduled(shop, order, LostAnswers(shop, "capture"))
    await end_payment(shop, order, keep_minor=FEE_MINOR)
    await shop.settle(order)
    payment = await shop.payment(order)
    assert (payment.captured_amount_minor, payment.refunded_amount_minor) == (
        1000,
        1000 - FEE_MINOR,
    )


async def test_an_order_canceled_while_its_capture_is_pending_is_not_charged(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """No path leads from a canceled order to a capture, but for what is kept."""
    order = await paid_order(shop, city, buyer)
    await request_capture(shop, order)
    await try_as_scheduled(shop, order, OFFLINE, times=3)
    await cancel(shop, buyer, order.id)
    await try_as_scheduled(shop, order)
    payment = await shop.payment(order)
    assert (payment.status, payment.captured_amount_minor) == (PaymentStatus.VOIDED, 0)
    assert (await shop.intent(order)).captured_amount_minor == 0


async def test_a_payment_that_could_not_be_opened_for_a_day_is_closed_here(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The provider is down for a day, after which it has forgotten the key of the opening.

    The payment of the expired order is not opened again only to be voided.
    """
    offline_shop = Shop(shop.database, shop.reservation_queue, OFFLINE, shop.sandbox)
    order = await offline_shop.buy(buyer, order_request(city))
    await cancel(shop, buyer, order.id)
    await try_as_scheduled(shop, order, OFFLINE, times=2)
    await make_older(shop, Payment, order, 25)
    await try_as_scheduled(shop, order)
    payment = await shop.payment(order)
    assert (payment.status, payment.intent_id, payment.due_at) == (
        PaymentStatus.VOIDED, None, None
    )  # fmt: skip
