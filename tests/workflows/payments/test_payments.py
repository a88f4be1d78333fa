"""Paying for an order, against the real SDK and the simulated provider."""

import asyncio

import pytest
from sqlalchemy import select, text

from database.scope import PLATFORM
from gateways.payments import IntentState
from jobs import orders as order_jobs
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderStatus
from models.payments import PaymentStatus, Refund, RefundReason, RefundStatus
from models.stock import HoldStatus
from services import checkout
from services.core.problems import NotFound, Refused
from services.orders import orders, stages
from services.payments import payments
from services.payments.refunds import ExceedsCaptured
from services.stock import reservations
from services.stock.stock_audit import conservation
from tests.support.city import City
from tests.support.customers import ORIGIN, people, product, wish
from tests.support.payments import Shop, cancel, stock
from tests.support.stripe_simulator import until


async def test_a_paid_order_is_confirmed_sold_and_queued(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, wish(city, 2, tip_minor=100))
    assert (order.status, order.store_id) == (OrderStatus.PLACED, city.near.id)
    assert await stock(shop, city) == (50, 2)
    row = await shop.payment(order)
    assert row.client_secret
    assert row.amount_minor == order.total_minor
    assert await shop.pay(order) is PaymentStatus.AUTHORIZED
    after = await shop.order(order)
    assert after.status is OrderStatus.CONFIRMED
    assert await stock(shop, city) == (48, 0)
    assert await shop.holds(order) == {HoldStatus.CLAIMED}
    told = await shop.told(order)
    assert told[:4] == [
        "ORDER_PLACED", "PAYMENT_AUTHORIZED", "ORDER_CONFIRMED", "FULFILLMENT_QUEUED"
    ]  # fmt: skip
    assert stages.replay(await shop.events(order)) is after.status
    async with shop.database.read(PLATFORM) as session:
        wrong = await conservation(session)
    assert [one for one in wrong if one.store_id == city.near.id] == []


async def test_a_declined_card_can_be_followed_by_another(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, wish(city))
    assert await shop.pay(order, "pm_card_chargeDeclined") is PaymentStatus.FAILED
    assert (await shop.order(order)).status is OrderStatus.PLACED
    assert await stock(shop, city) == (50, 1)
    assert await shop.pay(order) is PaymentStatus.AUTHORIZED
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED
    assert (await shop.told(order)).count("PAYMENT_FAILED") == 1


@pytest.mark.parametrize(
    ("answer", "status", "after"),
    [
        ("approve", PaymentStatus.AUTHORIZED, OrderStatus.CONFIRMED),
        ("deny", PaymentStatus.FAILED, OrderStatus.PLACED),
    ],
)
async def test_the_bank_may_ask_the_customer_first(
    shop: Shop, city: City, buyer: Actor, answer: str, status: PaymentStatus, after: OrderStatus
) -> None:
    order = await shop.buy(buyer, wish(city))
    asked = await shop.pay(order, "pm_card_threeDSecure2Required")
    assert asked is PaymentStatus.ACTION_REQUIRED
    url = (await shop.payment(order)).next_action_url
    assert url is not None
    challenge = url.partition("challenge=")[2]
    form = {"challenge": challenge, "answer": answer}
    path = url.partition("?")[0]
    await shop.desk.customer.post(path, data=form)
    assert await shop.settle(order) is status
    assert (await shop.order(order)).status is after


async def late(shop: Shop, order: Order) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        past = text("update \"order\" set due_at = now() - interval '1 s' where id = :order")
        await session.execute(past, {"order": order.id})


async def test_an_unpaid_order_expires_and_gives_everything_back(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, wish(city, 3))
    await late(shop, order)
    await order_jobs.expire(shop.database, shop.payments)
    after = await shop.order(order)
    assert after.status is OrderStatus.EXPIRED
    assert await stock(shop, city) == (50, 0)
    assert await shop.holds(order) == {HoldStatus.EXPIRED}
    assert (await shop.payment(order)).status is PaymentStatus.EXPIRED
    assert (await shop.intent(order)).state is IntentState.VOIDED
    assert stages.replay(await shop.events(order)) is after.status


async def test_money_that_comes_in_the_last_second_still_counts(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, wish(city))
    await shop.confirm(order)
    await late(shop, order)
    await order_jobs.expire(shop.database, shop.payments)
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED


async def test_money_that_comes_too_late_is_let_go(shop: Shop, city: City, buyer: Actor) -> None:
    order = await shop.buy(buyer, wish(city))
    await late(shop, order)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        assert await checkout.expire(session, order.id)
    await shop.confirm(order)
    assert await shop.settle(order) is PaymentStatus.EXPIRED
    assert (await shop.intent(order)).state is IntentState.VOIDED
    assert (await shop.order(order)).status is OrderStatus.EXPIRED
    assert await stock(shop, city) == (50, 0)


async def test_a_payment_canceled_at_the_provider_ends_the_order(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, wish(city))
    intent_id = (await shop.payment(order)).intent_id or ""
    await shop.payments.cancel(intent_id, "abandoned", "by hand")
    assert await shop.settle(order) is PaymentStatus.VOIDED
    after = await shop.order(order)
    assert after.status is OrderStatus.PAYMENT_FAILED
    assert await stock(shop, city) == (50, 0)
    assert stages.replay(await shop.events(order)) is after.status


async def test_webhooks_may_come_twice_and_out_of_order(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, wish(city))
    await shop.confirm(order)
    await until(lambda: len(shop.desk.inbox.letters) >= 2)
    letters = shop.desk.inbox.letters
    await shop.deliver([*reversed(letters), *letters])
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED
    told = await shop.told(order)
    assert len(told) == len(set(told))
    assert await stock(shop, city) == (49, 0)


async def test_webhook_poll_and_refresh_at_once_confirm_once(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, wish(city))
    await shop.confirm(order)
    await until(lambda: len(shop.desk.inbox.letters) >= 2)
    await asyncio.gather(
        shop.deliver(shop.desk.inbox.letters), *(shop.settle(order) for _ in range(5))
    )
    assert (await shop.told(order)).count("ORDER_CONFIRMED") == 1
    assert await stock(shop, city) == (49, 0)


async def captured(shop: Shop, city: City, buyer: Actor) -> Order:
    order = await shop.buy(buyer, wish(city))
    await shop.pay(order)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        row = await orders.lock(session, order.id)
        await payments.want_capture(session, row, 1000)
    assert await shop.settle(order) is PaymentStatus.CAPTURED
    return order


async def test_what_is_in_the_bag_is_captured_once(shop: Shop, city: City, buyer: Actor) -> None:
    order = await captured(shop, city, buyer)
    row = await shop.payment(order)
    assert (row.captured_minor, row.capture_wanted_minor) == (1000, None)
    assert (await shop.intent(order)).captured_minor == 1000
    assert (await shop.told(order)).count("PAYMENT_CAPTURED") == 1


async def test_an_order_called_off_while_it_is_captured_is_refunded(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, wish(city))
    await shop.pay(order)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        row = await orders.lock(session, order.id)
        await payments.want_capture(session, row, 1000)
    intent_id = (await shop.payment(order)).intent_id or ""
    await shop.payments.capture(intent_id, 1000, "the capture that crossed")
    await cancel(shop, buyer, order.id)
    assert await shop.settle(order) is PaymentStatus.REFUNDED
    assert (await shop.intent(order)).refunded_minor == 1000


async def test_twenty_refunds_at_once_never_exceed_what_was_captured(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await captured(shop, city, buyer)
    agent = (await people(shop.database, 1, Grant(Role.SUPPORT_AGENT)))[0]

    async def refund() -> Refund:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            return await checkout.refund(
                session,
                actor=agent,
                order_id=order.id,
                amount_minor=150,
                reason=RefundReason.LATE,
            )

    answers = await asyncio.gather(*(refund() for _ in range(20)), return_exceptions=True)
    given = [one for one in answers if isinstance(one, Refund)]
    barred = [one.reasons[0] for one in answers if isinstance(one, Refused)]
    assert (len(given), len(barred)) == (6, 14), answers
    assert all(isinstance(one, ExceedsCaptured) for one in barred)
    assert {one.remaining_minor for one in barred if isinstance(one, ExceedsCaptured)} == {100}
    await asyncio.gather(*(shop.settle(order) for _ in range(3)))
    row = await shop.payment(order)
    assert (row.refunded_minor, row.status) == (900, PaymentStatus.PARTLY_REFUNDED)
    assert (await shop.intent(order)).refunded_minor == 900
    async with shop.database.read(PLATFORM) as session:
        rows = await session.scalars(select(Refund.status).where(Refund.order_id == order.id))
        assert set(rows) == {RefundStatus.SUCCEEDED}


async def test_strangers_and_customers_issue_no_refunds(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await captured(shop, city, buyer)
    elsewhere = Grant(Role.SUPPORT_AGENT, company_id=city.second.id)
    for actor in (buyer, *await people(shop.database, 1, elsewhere)):
        with pytest.raises(Refused) as caught:
            async with shop.database.write(PLATFORM, ORIGIN) as session:
                await checkout.refund(
                    session,
                    actor=actor,
                    order_id=order.id,
                    amount_minor=1,
                    reason=RefundReason.GOODWILL,
                )
        assert isinstance(caught.value.reasons[0], NotFound)


@pytest.mark.parametrize(
    ("left", "status", "paid"),
    [
        (1, OrderStatus.CONFIRMED, PaymentStatus.AUTHORIZED),
        (0, OrderStatus.CANCELED, PaymentStatus.VOIDED),
    ],
)
async def test_a_paid_order_whose_hold_is_lost_takes_the_shelf_or_gives_the_money_back(
    shop: Shop, city: City, buyer: Actor, left: int, status: OrderStatus, paid: PaymentStatus
) -> None:
    order = await shop.buy(buyer, wish(city))
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await reservations.release(session, [order.id])
        at = {"left": left, "s": city.near.id, "p": product(city)}
        change = "update stock set on_hand = :left where store_id = :s and product_id = :p"
        await session.execute(text(change), at)
    await shop.pay(order)
    assert await shop.settle(order) is paid
    assert (await shop.order(order)).status is status
    assert await stock(shop, city) == (0, 0)
