"""Refunds that stay pending, whose answers are lost, that fail, or that the dashboard makes."""

from typing import Any

import pytest

from jobs import payments as payment_jobs
from models.identity import Actor
from models.orders import Order
from models.payments import (
    PaymentStatus,
    PaymentStuckReason,
    Refund,
    RefundAction,
    RefundReason,
    RefundStatus,
)
from models.support import TicketStatus
from services.core.problems import DomainError, InvalidTransition
from services.payments import payment_queries, refunds
from services.payments.payment_states import REFUND_MACHINE
from services.payments.refunds import RefundExceedsCaptured
from tests.support.city import City
from tests.support.payments import Shop
from tests.support.payments.settlement import (
    LostAnswers,
    captured_order,
    cases_of,
    create_agent,
    expect_delay,
    issue_refund,
    make_older,
    refund_at_dashboard,
    refunds_at_provider,
    refunds_of,
    run_as,
    time_now,
    try_as_scheduled,
)
from tests.support.stripe_simulator import wait_until
from workflows.payments import settle_payment


async def pending_refund(shop: Shop, order: Order, amount_minor: int) -> Refund:
    """A refund that the provider has accepted and not sent, as while its balance is too low."""
    await shop.sandbox.control("faults", {"pending_refunds": True})
    await issue_refund(shop, order, amount_minor)
    await shop.settle(order)
    await shop.sandbox.control("faults", {})
    refund = (await refunds_of(shop, order))[-1]
    assert (refund.status, refund.provider_refund_id is None) == (RefundStatus.PENDING, False)
    return refund


async def end_at_provider(shop: Shop, refund: Refund, status: str) -> None:
    await shop.sandbox.control("refunds", {"refund": refund.provider_refund_id, "status": status})


@pytest.mark.parametrize("hours", [0, 25])
async def test_a_pending_refund_is_asked_by_its_id_and_never_sent_again(
    shop: Shop, city: City, buyer: Actor, hours: int
) -> None:
    """A refund stays pending, also for more than a day, when the provider forgets the key.

    It used to be "polled" by sending it again: within 24 hours that only repeated the first answer,
    afterwards it was a second refund.
    """
    order = await captured_order(shop, city, buyer)
    refund = await pending_refund(shop, order, 777)
    await make_older(shop, Refund, order, hours)
    await try_as_scheduled(shop, order, times=3)
    assert [each.amount_minor for each in await refunds_at_provider(shop, order)] == [777]
    assert (await shop.payment(order)).refunded_amount_minor == 0
    await end_at_provider(shop, refund, "succeeded")
    await try_as_scheduled(shop, order)
    (refund,) = await refunds_of(shop, order)
    assert (refund.status, refund.due_at) == (RefundStatus.SUCCEEDED, None)
    assert (await shop.payment(order)).refunded_amount_minor == 777


async def test_a_refund_that_stays_pending_for_a_week_needs_a_person(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The provider's balance stays too low: asked every hour, and shown to support."""
    order = await captured_order(shop, city, buyer)
    since = await time_now(shop)
    refund = await pending_refund(shop, order, 100)
    await expect_delay(shop, refund, 300, since=since)
    await make_older(shop, Refund, order, 8 * 24)
    since = await time_now(shop)
    await try_as_scheduled(shop, order, times=2)
    (refund,) = await refunds_of(shop, order)
    assert refund.stuck_reason is PaymentStuckReason.PENDING_TOO_LONG
    await expect_delay(shop, refund, 3_600, since=since)
    assert len(await cases_of(shop, order)) == 1
    await end_at_provider(shop, refund, "succeeded")
    await try_as_scheduled(shop, order)
    assert [each.status for each in await cases_of(shop, order)] == [TicketStatus.RESOLVED]


@pytest.mark.parametrize("row_is_old", [True, False])
async def test_a_refund_whose_answer_was_lost_a_day_ago_is_looked_up(
    shop: Shop, city: City, buyer: Actor, *, row_is_old: bool
) -> None:
    """The worker stops after the request and starts a day later: the key means nothing any more.

    A full refund that is sent again would be refused as already refunded, and called failed.
    """
    order = await captured_order(shop, city, buyer)
    await issue_refund(shop, order, 1000)
    await try_as_scheduled(shop, order, LostAnswers(shop, "refund"))
    if row_is_old:
        await make_older(shop, Refund, order, 25)
    else:
        await shop.sandbox.control("clock", {"advance_seconds": 25 * 3600})
    await try_as_scheduled(shop, order)
    (refund,) = await refunds_of(shop, order)
    assert refund.status is RefundStatus.SUCCEEDED
    assert len(await refunds_at_provider(shop, order)) == 1
    assert (await shop.payment(order)).status is PaymentStatus.REFUNDED


async def failed_refund(shop: Shop, order: Order, amount_minor: int) -> Refund:
    refund = await pending_refund(shop, order, amount_minor)
    await end_at_provider(shop, refund, "failed")
    await try_as_scheduled(shop, order)
    refund = (await refunds_of(shop, order))[-1]
    assert refund.status is RefundStatus.FAILED
    return refund


async def test_a_failed_refund_is_shown_to_support_and_can_be_retried(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The customer's card is closed: the refund fails, and support requests it anew later."""
    order = await captured_order(shop, city, buyer)
    failed = await failed_refund(shop, order, 300)
    assert failed.failure_message == "expired_or_canceled_card"
    agent = await create_agent(shop)
    async with shop.database.read(agent.scope()) as session:
        page = await payment_queries.stuck_refunds(
            session, actor=agent, first=100, cursor=None, company_id=order.company_id
        )
    assert [each.id for each in page.nodes] == [failed.id]
    assert REFUND_MACHINE.available_actions(failed, agent) == [
        RefundAction.RETRY,
        RefundAction.MARK_PAID,
        RefundAction.CLOSE,
    ]
    retried = await run_as(shop, refunds.retry_refund, refund_id=failed.id)
    assert (retried.amount_minor, retried.retry_of_id) == (300, failed.id)
    await shop.settle(order)
    statuses = [each.status for each in await refunds_of(shop, order)]
    assert statuses == [RefundStatus.RETRIED, RefundStatus.SUCCEEDED]
    assert (await shop.payment(order)).refunded_amount_minor == 300
    assert [each.status for each in await cases_of(shop, order)] == [TicketStatus.RESOLVED]
    with pytest.raises(DomainError) as refused:
        await run_as(shop, refunds.retry_refund, refund_id=failed.id)
    assert isinstance(refused.value.problems[0], InvalidTransition)


async def test_a_failed_refund_can_be_recorded_as_paid_otherwise(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Support pays by bank transfer: the amount counts as refunded, and can't be refunded twice."""
    order = await captured_order(shop, city, buyer)
    failed = await failed_refund(shop, order, 900)
    paid = await run_as(
        shop, refunds.mark_refund_paid, refund_id=failed.id, resolution="Transfer 4711"
    )
    assert (paid.status, paid.resolution) == (RefundStatus.PAID_OTHERWISE, "Transfer 4711")
    payment = await shop.payment(order)
    assert (payment.refunded_amount_minor, payment.status) == (
        900,
        PaymentStatus.PARTIALLY_REFUNDED,
    )
    with pytest.raises(DomainError) as refused:
        await issue_refund(shop, order, 101)
    assert isinstance(refused.value.problems[0], RefundExceedsCaptured)
    assert "REFUND_PAID_OTHERWISE" in await shop.event_types(order)


async def test_a_refund_that_others_have_replaced_is_not_paid_twice(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Another agent has refunded everything since: a note is refused, a retry asks for nothing."""
    order = await captured_order(shop, city, buyer)
    failed = await failed_refund(shop, order, 300)
    await issue_refund(shop, order, 1000)
    with pytest.raises(DomainError) as refused:
        await run_as(shop, refunds.mark_refund_paid, refund_id=failed.id, resolution="Cash")
    assert isinstance(refused.value.problems[0], RefundExceedsCaptured)
    ended = await run_as(shop, refunds.retry_refund, refund_id=failed.id)
    assert (ended.id, ended.status) == (failed.id, RefundStatus.RETRIED)
    assert len(await refunds_of(shop, order)) == 2


async def deliver_webhooks(shop: Shop, *kinds: str) -> None:
    """Take in all webhooks once each of these kinds has arrived."""
    inbox = shop.sandbox.inbox
    await wait_until(lambda: set(kinds) <= set(inbox.event_types()))
    await shop.deliver(inbox.requests)


async def test_a_refund_of_the_dashboard_is_recorded_exactly_once(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Somebody refunds in the provider's dashboard, and the webhooks come twice.

    It used to have no row and to be told as a second PAYMENT_CAPTURED.
    """
    order = await captured_order(shop, city, buyer)
    refund_id = await refund_at_dashboard(shop, order, 300)
    for _ in range(2):
        await deliver_webhooks(shop, "refund.created", "charge.refunded")
        assert len(await refunds_of(shop, order)) == 1
        await payment_jobs.reconcile_account(shop.database, shop.payments)
    (refund,) = await refunds_of(shop, order)
    assert (refund.provider_refund_id, refund.amount_minor) == (refund_id, 300)
    assert (refund.made_at_provider, refund.reason) == (True, RefundReason.OTHER)
    assert refund.status is RefundStatus.SUCCEEDED
    types = await shop.event_types(order)
    assert types.count("PAYMENT_CAPTURED") == 1
    assert types.count("REFUND_RECORDED") == types.count("REFUND_SUCCEEDED") == 1
    payment = await shop.payment(order)
    assert (payment.refunded_amount_minor, payment.status) == (
        300,
        PaymentStatus.PARTIALLY_REFUNDED,
    )


async def test_a_refund_of_the_dashboard_is_found_without_a_webhook(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The webhooks are lost: the job that compares the account finds the refund."""
    order = await captured_order(shop, city, buyer)
    await refund_at_dashboard(shop, order, 300)
    await payment_jobs.reconcile_account(shop.database, shop.payments)
    assert [each.amount_minor for each in await refunds_of(shop, order)] == [300]
    assert await payment_jobs.reconcile_account(shop.database, shop.payments) == 0


async def test_refunds_of_the_dashboard_and_ours_add_up(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """300 of the dashboard and 200 of ours are 500, and 300 again when ours fails later.

    The books used to say the larger of both, and forgot the dashboard's when ours failed.
    """
    order = await captured_order(shop, city, buyer)
    await refund_at_dashboard(shop, order, 300)
    await payment_jobs.reconcile_account(shop.database, shop.payments)
    await issue_refund(shop, order, 200)
    await shop.settle(order)
    assert (await shop.payment(order)).refunded_amount_minor == 500
    ours = next(each for each in await refunds_of(shop, order) if not each.made_at_provider)
    await end_at_provider(shop, ours, "failed")
    await payment_jobs.reconcile_account(shop.database, shop.payments)
    assert (await shop.payment(order)).refunded_amount_minor == 300
    with pytest.raises(DomainError):
        await issue_refund(shop, order, 701)
    await issue_refund(shop, order, 700)


async def test_a_dashboard_refund_during_a_refund_of_ours_never_exceeds_the_captured_amount(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The dashboard takes what ours was to refund: ours fails visibly instead of vanishing."""
    order = await captured_order(shop, city, buyer)
    await issue_refund(shop, order, 600)
    await refund_at_dashboard(shop, order, 600)
    await shop.settle(order)
    ours = next(each for each in await refunds_of(shop, order) if not each.made_at_provider)
    assert ours.status is RefundStatus.FAILED
    assert len(await cases_of(shop, order)) == 1
    await settle_payment.refresh_intent(
        shop.database, shop.payments, (await shop.payment(order)).intent_id or ""
    )
    payment = await shop.payment(order)
    assert (payment.refunded_amount_minor, payment.captured_amount_minor) == (600, 1000)


async def test_an_unknown_refund_id_decides_nothing(shop: Shop, city: City, buyer: Actor) -> None:
    """The API key of another account knows no refund of ours: that is an outage, not a failure."""
    order = await captured_order(shop, city, buyer)
    await pending_refund(shop, order, 100)

    class OtherAccount:
        def __getattr__(self, name: str) -> Any:
            return getattr(shop.payments, name)

        async def retrieve_refund(self, _: str) -> Any:
            return await shop.payments.retrieve_refund("re_of_another_account")

    await try_as_scheduled(shop, order, OtherAccount(), times=2)
    (refund,) = await refunds_of(shop, order)
    assert (refund.status, refund.tries) == (RefundStatus.PENDING, 2)
    assert "No such refund" in (refund.last_error or "")
