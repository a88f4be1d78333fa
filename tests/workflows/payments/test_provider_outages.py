"""A provider that does not answer ends nothing, and callers spend nobody's tries."""

from typing import Any

import pytest
from sqlalchemy import text

from database.scope import PLATFORM
from jobs import payments as payment_jobs
from models.identity import Actor
from models.orders import Order
from models.payments import Payment, PaymentStatus, PaymentStuckReason, Refund, RefundStatus
from models.support import TicketStatus
from services.core.problems import DomainError, InvalidTransition
from services.operations import job_status
from services.payments import stuck
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request
from tests.support.payments import Shop, cancel
from tests.support.payments.settlement import (
    LostAnswers,
    OfflinePayments,
    captured_order,
    cases_of,
    expect_delay,
    issue_refund,
    make_older,
    paid_order,
    payments_of,
    refunds_at_provider,
    refunds_of,
    request_capture,
    run_as,
    time_now,
    try_as_scheduled,
)
from workflows.payments import refresh_payment, settle_payment

OFFLINE: Any = OfflinePayments()
DAYS_OF_TRIES = 300


async def test_callers_that_refresh_in_an_outage_spend_no_tries_of_a_capture(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bag is packed while the provider is down, and the customer's app refreshes all the time.

    The capture used to be given up for good after 24 refreshes, which was a free order.
    """
    monkeypatch.setattr(refresh_payment, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(refresh_payment, "BACKOFF_REFRESH_SECONDS", 0.0)
    order = await paid_order(shop, city, buyer)
    await request_capture(shop, order)
    due_at = (await shop.payment(order)).due_at
    for _ in range(30):
        await refresh_payment.refresh(shop.database, OFFLINE, order.id)
    payment = await shop.payment(order)
    assert (payment.tries, payment.due_at, payment.capture_wanted_minor) == (0, due_at, 1000)
    await try_as_scheduled(shop, order)
    assert (await shop.payment(order)).captured_amount_minor == 1000


async def test_callers_that_refresh_in_an_outage_spend_no_tries_of_a_refund(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Support refunds in an outage, and the customer's app refreshes all the time."""
    order = await captured_order(shop, city, buyer)
    await issue_refund(shop, order, 400)
    for _ in range(30):
        await settle_payment.refresh(shop.database, OFFLINE, order.id)
        await settle_payment.settle(shop.database, OFFLINE, order.id)
    (refund,) = await refunds_of(shop, order)
    assert (refund.status, refund.tries) == (RefundStatus.REQUESTED, 0)
    await try_as_scheduled(shop, order)
    assert (await shop.payment(order)).refunded_amount_minor == 400


async def test_a_refresh_neither_shortens_nor_lengthens_the_back_off(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Reads of the payment work while captures fail: the schedule's back-off stays as it is."""
    order = await paid_order(shop, city, buyer)
    await request_capture(shop, order)
    capture_fails: Any = LostAnswers(shop, "nothing")
    capture_fails.capture = OFFLINE.capture
    await try_as_scheduled(shop, order, capture_fails, times=5)
    since = await time_now(shop)
    await try_as_scheduled(shop, order, capture_fails)
    before = await shop.payment(order)
    for _ in range(5):
        await settle_payment.refresh(shop.database, shop.payments, order.id)
    after = await shop.payment(order)
    assert (after.tries, after.due_at) == (6, before.due_at)
    await expect_delay(shop, after, 32, since=since)


async def wanted_capture(shop: Shop, city: City, buyer: Actor) -> Order:
    order = await paid_order(shop, city, buyer)
    await request_capture(shop, order)
    return order


async def wanted_void(shop: Shop, city: City, buyer: Actor) -> Order:
    order = await paid_order(shop, city, buyer)
    await cancel(shop, buyer, order.id)
    return order


async def wanted_refund(shop: Shop, city: City, buyer: Actor) -> Order:
    order = await captured_order(shop, city, buyer)
    await issue_refund(shop, order, 1000)
    return order


@pytest.mark.parametrize(
    ("prepare", "end"),
    [
        (wanted_capture, PaymentStatus.CAPTURED),
        (wanted_void, PaymentStatus.VOIDED),
        (wanted_refund, PaymentStatus.REFUNDED),
    ],
)
async def test_an_outage_of_days_ends_nothing_and_is_shown_to_support(
    shop: Shop, city: City, buyer: Actor, prepare: Any, end: PaymentStatus
) -> None:
    """The provider, or the API key, fails for days: tried for ever, and a case in the queue."""
    order = await prepare(shop, city, buyer)
    await try_as_scheduled(shop, order, OFFLINE, times=stuck.STUCK_AFTER_TRIES - 1)
    assert await cases_of(shop, order) == []
    await try_as_scheduled(shop, order, OFFLINE, times=DAYS_OF_TRIES - 1)
    since = await time_now(shop)
    await try_as_scheduled(shop, order, OFFLINE)
    rows: Any = await refunds_of(shop, order) or await payments_of(shop, order)
    row = rows[0]
    assert row.stuck_reason is PaymentStuckReason.PROVIDER_UNAVAILABLE
    assert row.tries == stuck.STUCK_AFTER_TRIES - 1 + DAYS_OF_TRIES
    assert row.last_error == "The provider is down."
    await expect_delay(shop, row, 900, since=since)
    (case,) = await cases_of(shop, order)
    assert case.status is TicketStatus.OPEN
    types = await shop.event_types(order)
    assert types.count("PAYMENT_STUCK") + types.count("REFUND_STUCK") == 1
    await try_as_scheduled(shop, order)
    payment = await shop.payment(order)
    rows = await refunds_of(shop, order) or [payment]
    row = rows[0]
    assert (payment.status, row.stuck_at, row.last_error) == (end, None, None)
    assert [each.status for each in await cases_of(shop, order)] == [TicketStatus.RESOLVED]


async def test_an_unpaid_order_is_paid_after_an_outage_of_the_opening(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The provider is down when the order is placed: the job opens the payment later."""
    offline_shop = Shop(shop.database, shop.reservation_queue, OFFLINE, shop.sandbox)
    order = await offline_shop.buy(buyer, order_request(city))
    assert (await shop.payment(order)).intent_id is None
    await try_as_scheduled(shop, order, OFFLINE, times=3)
    await try_as_scheduled(shop, order)
    assert await shop.pay(order) is PaymentStatus.AUTHORIZED


@pytest.mark.parametrize("method", ["authorize", "capture", "cancel", "refund"])
async def test_a_lost_answer_of_each_request_has_one_effect(
    shop: Shop, city: City, buyer: Actor, method: str
) -> None:
    """The provider does what it is asked and the connection is cut before each answer."""
    lossy: Any = LostAnswers(shop, method)
    lossy_shop = Shop(shop.database, shop.reservation_queue, lossy, shop.sandbox)
    order = await lossy_shop.buy(buyer, order_request(city))
    await try_as_scheduled(shop, order)
    assert await shop.pay(order) is PaymentStatus.AUTHORIZED
    if method == "cancel":
        await cancel(shop, buyer, order.id)
        await try_as_scheduled(shop, order, lossy, times=2)
        await try_as_scheduled(shop, order)
        assert (await shop.payment(order)).status is PaymentStatus.VOIDED
        return
    await request_capture(shop, order)
    await try_as_scheduled(shop, order, lossy, times=2)
    await try_as_scheduled(shop, order)
    assert (await shop.payment(order)).captured_amount_minor == 1000
    await issue_refund(shop, order, 300)
    await try_as_scheduled(shop, order, lossy, times=2)
    await try_as_scheduled(shop, order)
    assert (await shop.payment(order)).refunded_amount_minor == 300
    assert [each.amount_minor for each in await refunds_at_provider(shop, order)] == [300]


@pytest.mark.parametrize("amount_minor", [777, 300])
async def test_a_partial_refund_whose_answer_was_lost_a_day_ago_is_not_sent_again(
    shop: Shop, city: City, buyer: Actor, amount_minor: int
) -> None:
    """The worker stops after the request and starts a day later, when the key means nothing.

    What is left of the payment covers 300 again: sent again, it would be a second refund.
    """
    order = await captured_order(shop, city, buyer)
    await issue_refund(shop, order, amount_minor)
    await try_as_scheduled(shop, order, LostAnswers(shop, "refund"))
    await make_older(shop, Refund, order, 25)
    sent, gateway = [], LostAnswers(shop, "nothing")

    async def send(*request: Any) -> Any:
        sent.append(request)
        return await shop.payments.refund(*request)

    gateway.refund = send  # type: ignore[attr-defined] # before what `__getattr__` finds
    await try_as_scheduled(shop, order, gateway)
    assert sent == []
    (refund,) = await refunds_of(shop, order)
    assert refund.status is RefundStatus.SUCCEEDED
    assert [each.amount_minor for each in await refunds_at_provider(shop, order)] == [amount_minor]
    assert (await shop.payment(order)).refunded_amount_minor == amount_minor


async def test_a_stuck_payment_can_be_resumed_by_support_only_while_it_is_stuck(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """An operator corrects the API key, and support has the capture tried at once."""
    order = await wanted_capture(shop, city, buyer)
    payment = await shop.payment(order)
    arguments = {"step": stuck.resume_payment, "payment_id": payment.id}
    with pytest.raises(DomainError) as refused:
        await run_as(shop, **arguments)
    assert isinstance(refused.value.problems[0], InvalidTransition)
    await try_as_scheduled(shop, order, OFFLINE, times=stuck.STUCK_AFTER_TRIES)
    resumed = await run_as(shop, **arguments)
    assert (resumed.tries, resumed.stuck_at) == (0, None)
    assert "PAYMENT_RESUMED" in await shop.event_types(order)
    assert await shop.settle(order) is PaymentStatus.CAPTURED


async def test_a_capture_refused_again_and_again_becomes_a_case(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The provider refuses the capture of an authorization that it still reports.

    It used to be asked every five seconds for ever, and nobody was told. The bags are on their way:
    it is too late to ask the customer for another authorization.
    """
    order = await wanted_capture(shop, city, buyer)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        left = "update fulfillment set status = 'HANDED_OVER' where order_id = :order"
        await session.execute(text(left), {"order": order.id})
    await shop.sandbox.control("faults", {"refuse_captures": True})
    for seconds in (5, 10, 20, 40):
        since = await time_now(shop)
        await try_as_scheduled(shop, order)
        await expect_delay(shop, await shop.payment(order), seconds, since=since)
    for _ in range(10):
        await settle_payment.refresh(shop.database, shop.payments, order.id)
        await settle_payment.settle(shop.database, shop.payments, order.id, only_requested=True)
    assert (await shop.payment(order)).refusals == 4
    await try_as_scheduled(shop, order)
    payment = await shop.payment(order)
    assert payment.stuck_reason is PaymentStuckReason.REFUSED
    assert "authorization has expired" in (payment.last_error or "")
    (case,) = await cases_of(shop, order)
    assert case.status is TicketStatus.OPEN
    await shop.sandbox.control("faults", {})
    await run_as(shop, stuck.resume_payment, payment_id=payment.id)
    assert await shop.settle(order) is PaymentStatus.CAPTURED
    assert [each.status for each in await cases_of(shop, order)] == [TicketStatus.RESOLVED]


async def test_an_unexpected_error_of_one_payment_is_recorded_and_holds_up_no_other(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect in settling one payment used to be swallowed every 30 seconds."""
    broken, healthy = [await wanted_capture(shop, city, buyer) for _ in range(2)]
    broken_id = (await shop.payment(broken)).id
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        # Due first: rows that other tests left due must not fill the batch.
        first = "update payment set due_at = '2000-01-01' where order_id in (:broken, :healthy)"
        await session.execute(text(first), {"broken": broken.id, "healthy": healthy.id})
    settle = payment_jobs.STEPS[Payment]

    async def fail_one(database: Any, payments: Any, key: Any) -> object:
        if key == broken_id:
            raise RuntimeError("a defect")
        return await settle(database, payments, key)

    steps: Any = {**payment_jobs.STEPS}
    steps[Payment] = fail_one
    monkeypatch.setattr(payment_jobs, "STEPS", steps)
    await payment_jobs.settle_due_payments(shop.database, shop.payments)
    assert (await shop.payment(healthy)).status is PaymentStatus.CAPTURED
    async with shop.database.read(PLATFORM) as session:
        failed = await job_status.read_failures(session, payment_jobs.SETTLE, [broken_id])
    assert broken_id in failed
