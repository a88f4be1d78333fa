"""Paying for an order, with the real SDK and the simulated provider."""

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
from services.checkout import payment_outcomes
from services.core.problems import DomainError, NotFound
from services.orders import order_locks, stages
from services.payments import payments, support_refunds
from services.payments.refunds import RefundExceedsCaptured
from services.stock import reservations
from services.stock.audit.stock_audit import find_differences
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request, product_id
from tests.support.payments import Shop, cancel, stock_counts
from tests.support.stripe_simulator import wait_until


async def test_a_paid_order_is_confirmed_sold_and_queued(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city, 2, tip_minor=100))
    assert (order.status, order.store_id) == (OrderStatus.PLACED, city.near.id)
    assert await stock_counts(shop, city) == (50, 2)
    payment = await shop.payment(order)
    assert payment.client_secret
    assert payment.amount_minor == order.total_minor
    assert await shop.pay(order) is PaymentStatus.AUTHORIZED
    confirmed = await shop.order(order)
    assert confirmed.status is OrderStatus.CONFIRMED
    assert await stock_counts(shop, city) == (48, 0)
    assert await shop.reservation_statuses(order) == {HoldStatus.CLAIMED}
    types = await shop.event_types(order)
    assert types[:4] == [
        "ORDER_PLACED", "PAYMENT_AUTHORIZED", "ORDER_CONFIRMED", "FULFILLMENT_QUEUED"
    ]  # fmt: skip
    assert stages.replay_status(await shop.events(order)) is confirmed.status
    async with shop.database.read(PLATFORM) as session:
        differences = await find_differences(session)
    assert [difference for difference in differences if difference.store_id == city.near.id] == []


@pytest.mark.leaves("Payment.FAILED")
async def test_a_declined_card_can_be_followed_by_another(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city))
    assert await shop.pay(order, "pm_card_chargeDeclined") is PaymentStatus.FAILED
    assert (await shop.order(order)).status is OrderStatus.PLACED
    assert await stock_counts(shop, city) == (50, 1)
    assert await shop.pay(order) is PaymentStatus.AUTHORIZED
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED
    assert (await shop.event_types(order)).count("PAYMENT_FAILED") == 1


@pytest.mark.leaves("Payment.ACTION_REQUIRED")
@pytest.mark.parametrize(
    ("answer", "status", "order_status"),
    [
        ("approve", PaymentStatus.AUTHORIZED, OrderStatus.CONFIRMED),
        ("deny", PaymentStatus.FAILED, OrderStatus.PLACED),
    ],
)
async def test_the_bank_can_require_authentication(
    shop: Shop,
    city: City,
    buyer: Actor,
    answer: str,
    status: PaymentStatus,
    order_status: OrderStatus,
) -> None:
    order = await shop.buy(buyer, order_request(city))
    status_before = await shop.pay(order, "pm_card_threeDSecure2Required")
    assert status_before is PaymentStatus.ACTION_REQUIRED
    url = (await shop.payment(order)).next_action_url
    assert url is not None
    challenge = url.partition("challenge=")[2]
    form = {"challenge": challenge, "answer": answer}
    path = url.partition("?")[0]
    await shop.sandbox.customer.post(path, data=form)
    assert await shop.settle(order) is status
    assert (await shop.order(order)).status is order_status


async def make_payment_overdue(shop: Shop, order: Order) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        statement = text(
            "update \"order\" set payment_due_at = now() - interval '1 s' where id = :order"
        )
        await session.execute(statement, {"order": order.id})


async def test_an_unpaid_order_expires_and_releases_units_and_authorization(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city, 3))
    await make_payment_overdue(shop, order)
    await order_jobs.expire_unpaid_orders(shop.database, shop.payments)
    expired = await shop.order(order)
    assert expired.status is OrderStatus.EXPIRED
    assert await stock_counts(shop, city) == (50, 0)
    assert await shop.reservation_statuses(order) == {HoldStatus.EXPIRED}
    assert (await shop.payment(order)).status is PaymentStatus.EXPIRED
    assert (await shop.intent(order)).state is IntentState.VOIDED
    assert stages.replay_status(await shop.events(order)) is expired.status


async def test_a_payment_in_the_last_second_still_counts(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city))
    await shop.confirm(order)
    await make_payment_overdue(shop, order)
    await order_jobs.expire_unpaid_orders(shop.database, shop.payments)
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED


async def test_an_authorization_after_expiry_is_voided(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city))
    await make_payment_overdue(shop, order)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        assert await payment_outcomes.expire_order(session, order.id)
    await shop.confirm(order)
    assert await shop.settle(order) is PaymentStatus.EXPIRED
    assert (await shop.intent(order)).state is IntentState.VOIDED
    assert (await shop.order(order)).status is OrderStatus.EXPIRED
    assert await stock_counts(shop, city) == (50, 0)


async def test_a_payment_canceled_at_the_provider_ends_the_order(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city))
    intent_id = (await shop.payment(order)).intent_id or ""
    await shop.payments.cancel(intent_id, "abandoned", "by hand")
    assert await shop.settle(order) is PaymentStatus.VOIDED
    ended = await shop.order(order)
    assert ended.status is OrderStatus.PAYMENT_FAILED
    assert await stock_counts(shop, city) == (50, 0)
    assert stages.replay_status(await shop.events(order)) is ended.status


async def test_webhooks_can_come_twice_and_out_of_order(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city))
    await shop.confirm(order)
    await wait_until(lambda: len(shop.sandbox.inbox.requests) >= 2)
    requests = shop.sandbox.inbox.requests
    await shop.deliver([*reversed(requests), *requests])
    assert (await shop.order(order)).status is OrderStatus.CONFIRMED
    types = await shop.event_types(order)
    assert len(types) == len(set(types))
    assert await stock_counts(shop, city) == (49, 0)


async def test_concurrent_webhooks_and_polls_confirm_once(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city))
    await shop.confirm(order)
    await wait_until(lambda: len(shop.sandbox.inbox.requests) >= 2)
    await asyncio.gather(
        shop.deliver(shop.sandbox.inbox.requests), *(shop.settle(order) for _ in range(5))
    )
    assert (await shop.event_types(order)).count("ORDER_CONFIRMED") == 1
    assert await stock_counts(shop, city) == (49, 0)


async def captured_order(shop: Shop, city: City, buyer: Actor) -> Order:
    order = await shop.buy(buyer, order_request(city))
    await shop.pay(order)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        locked = await order_locks.lock(session, order.id)
        await payments.request_capture(session, locked, 1000)
    assert await shop.settle(order) is PaymentStatus.CAPTURED
    return order


async def test_the_requested_amount_is_captured_once(shop: Shop, city: City, buyer: Actor) -> None:
    order = await captured_order(shop, city, buyer)
    payment = await shop.payment(order)
    assert (payment.captured_amount_minor, payment.capture_wanted_minor) == (1000, None)
    assert (await shop.intent(order)).captured_amount_minor == 1000
    assert (await shop.event_types(order)).count("PAYMENT_CAPTURED") == 1


async def test_an_order_canceled_during_its_capture_is_refunded(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city))
    await shop.pay(order)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        locked = await order_locks.lock(session, order.id)
        await payments.request_capture(session, locked, 1000)
    intent_id = (await shop.payment(order)).intent_id or ""
    await shop.payments.capture(intent_id, 1000, "the capture that crossed")
    await cancel(shop, buyer, order.id)
    assert await shop.settle(order) is PaymentStatus.REFUNDED
    assert (await shop.intent(order)).refunded_amount_minor == 1000


async def test_twenty_concurrent_refunds_never_exceed_the_captured_amount(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await captured_order(shop, city, buyer)
    agent = (await create_people(shop.database, 1, Grant(Role.SUPPORT_AGENT)))[0]

    async def refund() -> Refund:
        async with shop.database.write(PLATFORM, ORIGIN) as session:
            return await support_refunds.issue_refund(
                session,
                actor=agent,
                order_id=order.id,
                amount_minor=150,
                reason=RefundReason.LATE,
            )

    results = await asyncio.gather(*(refund() for _ in range(20)), return_exceptions=True)
    issued = [result for result in results if isinstance(result, Refund)]
    problems = [result.problems[0] for result in results if isinstance(result, DomainError)]
    assert (len(issued), len(problems)) == (6, 14), results
    assert all(isinstance(result, RefundExceedsCaptured) for result in problems)
    assert {
        result.remaining_minor for result in problems if isinstance(result, RefundExceedsCaptured)
    } == {100}
    await asyncio.gather(*(shop.settle(order) for _ in range(3)))
    payment = await shop.payment(order)
    assert (payment.refunded_amount_minor, payment.status) == (
        900,
        PaymentStatus.PARTIALLY_REFUNDED,
    )
    assert (await shop.intent(order)).refunded_amount_minor == 900
    async with shop.database.read(PLATFORM) as session:
        rows = await session.scalars(select(Refund.status).where(Refund.order_id == order.id))
        assert set(rows) == {RefundStatus.SUCCEEDED}


async def test_customers_and_support_of_other_companies_can_not_issue_refunds(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await captured_order(shop, city, buyer)
    elsewhere = Grant(Role.SUPPORT_AGENT, company_id=city.second.id)
    for actor in (buyer, *await create_people(shop.database, 1, elsewhere)):
        with pytest.raises(DomainError) as caught:
            async with shop.database.write(PLATFORM, ORIGIN) as session:
                await support_refunds.issue_refund(
                    session,
                    actor=actor,
                    order_id=order.id,
                    amount_minor=1,
                    reason=RefundReason.GOODWILL,
                )
        assert isinstance(caught.value.problems[0], NotFound)


@pytest.mark.parametrize(
    ("units_left", "order_status", "payment_status"),
    [
        (1, OrderStatus.CONFIRMED, PaymentStatus.AUTHORIZED),
        (0, OrderStatus.CANCELED, PaymentStatus.VOIDED),
    ],
)
async def test_a_paid_order_without_reservation_takes_free_units_or_is_voided(
    shop: Shop,
    city: City,
    buyer: Actor,
    units_left: int,
    order_status: OrderStatus,
    payment_status: PaymentStatus,
) -> None:
    order = await shop.buy(buyer, order_request(city))
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await reservations.release(session, [order.id])
        parameters = {"units": units_left, "s": city.near.id, "p": product_id(city)}
        statement = "update stock set on_hand = :units where store_id = :s and product_id = :p"
        await session.execute(text(statement), parameters)
    await shop.pay(order)
    assert await shop.settle(order) is payment_status
    assert (await shop.order(order)).status is order_status
    assert await stock_counts(shop, city) == (0, 0)
