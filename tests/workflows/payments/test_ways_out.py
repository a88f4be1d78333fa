"""Trouble with payments that had no end, or an end that belonged to other trouble."""

from typing import Any

import pytest
from sqlalchemy import select

from database.scope import PLATFORM
from gateways.payments import PaymentRequestInvalid
from jobs import payments as payment_jobs
from models.identity import Actor
from models.orders import Order, OrderChange, OrderChangeStatus, OrderStatus
from models.payments import Payment, PaymentStatus, PaymentStuckReason, RefundStatus
from models.support import TicketCategory, TicketStatus
from services.checkout import order_changes
from services.checkout.change_pricing import ChangeRequest
from services.orders import order_locks
from services.payments import refunds, stuck
from tests.support.checkout.change_steps import change_row, lines, paid_order
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import write_as
from tests.support.payments import Shop
from tests.support.payments.settlement import (
    captured_order,
    cases_of,
    dispute_at_bank,
    disputes_of,
    issue_refund,
    payments_of,
    refund_at_dashboard,
    refunds_of,
    run_as,
    try_as_scheduled,
)
from tests.support.stripe_simulator import wait_until
from workflows.payments import settle_payment


class RejectingProvider:
    """Refuses for good to open payments; everything else is the sandbox."""

    def __init__(self, payments: Any) -> None:
        self._payments = payments

    def __getattr__(self, name: str) -> Any:
        return getattr(self._payments, name)

    async def authorize(self, **arguments: Any) -> Any:
        raise PaymentRequestInvalid("amount_too_large")


async def test_a_rejected_attempt_of_a_change_is_over(shop: Shop, city: City, buyer: Actor) -> None:
    """There is nothing to void: the schedule took it up every 30 seconds for ever."""
    order = await paid_order(shop, city, buyer)
    async with write_as(shop.database, buyer, order.company_id) as session:
        request = ChangeRequest(lines=lines(city, p0=3, p1=2))
        requested = await order_changes.request_change(
            session, actor=buyer, order_id=order.id, request=request
        )
    assert isinstance(requested, OrderChange)
    await try_as_scheduled(shop, order, RejectingProvider(shop.payments), times=2)
    _, attempt = await payments_of(shop, order)
    assert (attempt.status, attempt.due_at) == (PaymentStatus.FAILED, None)
    assert not attempt.void_wanted
    assert (await change_row(shop, requested)).status is OrderChangeStatus.WITHDRAWN


async def test_a_rejected_attempt_of_a_reopened_payment_is_over(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await paid_order(shop, city, buyer)
    intent = await shop.intent(order)
    await shop.sandbox.store.post(f"/v1/payment_intents/{intent.id}/cancel")
    rejecting = RejectingProvider(shop.payments)
    await settle_payment.settle(shop.database, rejecting, order.id)
    await try_as_scheduled(shop, order, rejecting, times=2)
    assert (await shop.order(order)).status is OrderStatus.CANCELED
    attempt = await shop.payment(order)
    assert (attempt.status, attempt.due_at) == (PaymentStatus.FAILED, None)


async def open_cases(shop: Shop, order: Order) -> set[TicketCategory]:
    cases = await cases_of(shop, order)
    return {case.category for case in cases if case.status is not TicketStatus.RESOLVED}


async def mark(shop: Shop, order: Order, *, stuck_now: bool) -> None:
    """Mark the payment of an order as stuck, or take the mark off."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        locked = await order_locks.lock(session, order.id)
        query = select(Payment).where(Payment.order_id == order.id, Payment.is_current)
        payment = (await session.scalars(query)).one()
        if stuck_now:
            reason = PaymentStuckReason.PROVIDER_UNAVAILABLE
            await stuck.mark_stuck(session, locked, payment, reason, "no answer")
        else:
            await stuck.clear_stuck(session, locked, payment)


async def test_the_case_of_a_dispute_is_closed_by_the_dispute_alone(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """A payment that was stuck and went on closed the case of the dispute: nobody sent evidence."""
    order = await captured_order(shop, city, buyer)
    provider_id = await dispute_at_bank(shop, order)
    await payment_jobs.reconcile_account(shop.database, shop.payments)
    await mark(shop, order, stuck_now=True)
    assert await open_cases(shop, order) == {TicketCategory.DISPUTE, TicketCategory.PAYMENT}
    await mark(shop, order, stuck_now=False)
    assert await open_cases(shop, order) == {TicketCategory.DISPUTE}
    await mark(shop, order, stuck_now=True)
    await shop.sandbox.control("disputes", {"dispute": provider_id, "status": "lost"})
    await payment_jobs.reconcile_account(shop.database, shop.payments)
    (dispute,) = await disputes_of(shop, order)
    assert dispute.closed_at is not None
    assert await open_cases(shop, order) == {TicketCategory.PAYMENT}


async def failed_refund(shop: Shop, order: Order, at_dashboard: int) -> Any:
    """A refund of 800 of 1000 that fails, since so much was refunded in the dashboard before."""
    await issue_refund(shop, order, 800)
    await refund_at_dashboard(shop, order, at_dashboard)
    await try_as_scheduled(shop, order)
    await payment_jobs.reconcile_account(shop.database, shop.payments)
    (failed,) = [one for one in await refunds_of(shop, order) if one.status is RefundStatus.FAILED]
    return failed


async def test_a_failed_refund_is_retried_with_what_is_left(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Neither step of support was possible: the refund stayed failed, and its case open."""
    order = await captured_order(shop, city, buyer)
    failed = await failed_refund(shop, order, 500)
    retried = await run_as(shop, refunds.retry_refund, refund_id=failed.id)
    assert retried.amount_minor == 500
    await try_as_scheduled(shop, order)
    assert (await shop.payment(order)).refunded_amount_minor == 1000
    assert await open_cases(shop, order) == set()


async def test_a_failed_refund_of_which_nothing_is_left_ends(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await captured_order(shop, city, buyer)
    failed = await failed_refund(shop, order, 1000)
    ended = await run_as(shop, refunds.retry_refund, refund_id=failed.id)
    assert (ended.id, ended.status) == (failed.id, RefundStatus.RETRIED)
    assert len(await refunds_of(shop, order)) == 2
    cases = [case for case in await cases_of(shop, order) if case.cause_id == failed.id]
    assert {case.status for case in cases} == {TicketStatus.RESOLVED}


@pytest.mark.leaves("Refund.SUCCEEDED", "Payment.REFUNDED")
async def test_a_refund_can_fail_after_its_success(shop: Shop, city: City, buyer: Actor) -> None:
    """The provider says that the money is back, and days later the bank returns it."""
    order = await captured_order(shop, city, buyer)
    await issue_refund(shop, order, 1000)
    await shop.settle(order)
    (refund,) = await refunds_of(shop, order)
    assert refund.status is RefundStatus.SUCCEEDED
    assert (await shop.payment(order)).status is PaymentStatus.REFUNDED
    ended = {"refund": refund.provider_refund_id, "status": "failed"}
    await shop.sandbox.control("refunds", ended)
    inbox = shop.sandbox.inbox
    await wait_until(lambda: "refund.failed" in inbox.event_types())
    await shop.deliver(inbox.requests)
    (refund,) = await refunds_of(shop, order)
    assert refund.status is RefundStatus.FAILED
    assert (await shop.payment(order)).status is PaymentStatus.CAPTURED
    assert [each.status for each in await cases_of(shop, order)] == [TicketStatus.OPEN]
