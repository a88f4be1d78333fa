"""The provider does not answer at a deadline: everything waits, and goes on when it is back."""

from typing import Any

import pytest
from sqlalchemy import func, select, update

from database.base import Base
from database.scope import PLATFORM
from jobs import orders as order_jobs
from jobs.payments import DUE_MODELS, SETTLE
from jobs.schedule import JOBS
from models.identity import Actor
from models.operations import JobFailure
from models.orders import Order, OrderChange, OrderChangeStatus, OrderStatus
from models.payments import Dispute, Payment, PaymentStatus, PaymentStuckReason, Refund
from models.stock import HoldStatus, StockMovementReason
from models.support import TicketStatus
from services.checkout import payment_deadlines
from services.payments import stuck
from services.stock import movements
from services.stock.audit.stock_audit import find_differences
from tests.support.checkout.deadline_steps import (
    BANK_ASKS,
    DEADLINES,
    OFFLINE,
    OPEN,
    PAID,
    SUCCESS,
    UNOPENED,
    WAYS,
    Deadline,
    attempt_of,
    let_act,
    lost_authorization,
    new_order,
    pass_deadline,
    requested_change,
    row_at,
    run_job,
)
from tests.support.city import City
from tests.support.customers import ORIGIN, product_id
from tests.support.payments import Shop, stock_counts
from tests.support.payments.settlement import (
    captured_order,
    cases_of,
    dispute_at_bank,
    issue_refund,
    refunds_of,
    row_of,
    try_as_scheduled,
)
from workflows.payments import reconcile

WAITING = {OrderStatus.PLACED, OrderStatus.CONFIRMED, OrderChangeStatus.AWAITING_PAYMENT}
WALKED_JOBS = {
    order_jobs.UNPAID_ORDERS.job,
    order_jobs.LOST_PAYMENTS.job,
    order_jobs.UNPAID_CHANGES.job,
    SETTLE,
}
# They store what the provider tells and end nothing by the clock.
READING_JOBS = {"payment.reconcile", "payment.reconcile_failed", "payment.work_off_notices"}


async def overdue(shop: Shop, city: City, buyer: Actor, way: Any, state: str) -> Deadline:
    """An outage that begins before the deadline of an attempt in this state and lasts beyond it."""
    deadline: Deadline = await way(shop, city, buyer, state)
    await let_act(shop, deadline, state)
    await pass_deadline(shop, deadline)
    return deadline


@pytest.mark.parametrize(("way", "state"), DEADLINES)
async def test_an_outage_at_the_deadline_ends_nothing(
    shop: Shop, city: City, buyer: Actor, way: Any, state: str
) -> None:
    """Each deadline of a payment falls into an outage, then the provider is back.

    Whoever had paid has their order. All others got an order that was ended although nobody could
    pay it or see that it was paid: now they get time to pay once the provider answers.
    """
    deadline = await overdue(shop, city, buyer, way, state)
    before = await row_at(shop, deadline)
    attempt = await attempt_of(shop, deadline)
    for _ in range(3):
        assert await run_job(shop, deadline, OFFLINE), "it is tried again with a back-off"
        waiting = await row_at(shop, deadline)
        assert (waiting.status, waiting.version) == (before.status, before.version)
        assert (await attempt_of(shop, deadline)).status is attempt.status
    assert await run_job(shop, deadline) is False
    after = await row_at(shop, deadline)
    if state != PAID:
        assert after.status in WAITING
        left_seconds = await seconds_left(shop, after)
        assert 0 < left_seconds <= payment_deadlines.FURTHER_SECONDS
        await let_act(shop, deadline, PAID)
        await shop.settle(deadline.order)
        after = await row_at(shop, deadline)
    assert after.status in SUCCESS
    assert after.payment_due_at is None
    assert (await attempt_of(shop, deadline)).unanswered_since is None


@pytest.mark.parametrize("way", WAYS)
async def test_the_time_after_an_outage_is_given_once_for_each_attempt(
    shop: Shop, city: City, buyer: Actor, way: Any
) -> None:
    """The provider is out again and again: nobody pays, and the order does not wait for ever."""
    deadline = await overdue(shop, city, buyer, way, OPEN)
    for ends in (False, True):
        assert await run_job(shop, deadline, OFFLINE)
        await run_job(shop, deadline)
        after = await row_at(shop, deadline)
        assert (after.status not in WAITING) is ends
        await pass_deadline(shop, deadline)


async def test_the_bank_asks_at_the_deadline_of_a_change(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The customer is on the page of the bank: the change was ended, unlike an order. Now it waits.

    Once: at the next deadline it ends.
    """
    deadline = await overdue(shop, city, buyer, requested_change, BANK_ASKS)
    for status in (OrderChangeStatus.AWAITING_PAYMENT, OrderChangeStatus.EXPIRED):
        await run_job(shop, deadline)
        assert (await row_at(shop, deadline)).status is status
        if status in WAITING:
            await pass_deadline(shop, deadline)
    assert await shop.reservation_statuses(Order(id=deadline.key)) == {HoldStatus.RELEASED}


@pytest.mark.parametrize("way", WAYS)
async def test_an_attempt_without_an_answer_becomes_a_case(
    shop: Shop, city: City, buyer: Actor, way: Any
) -> None:
    """The provider is out for half an hour: support sees who waits, until it answers."""
    deadline = await overdue(shop, city, buyer, way, UNOPENED)
    assert await run_job(shop, deadline, OFFLINE)
    await try_as_scheduled(shop, deadline.order, OFFLINE, times=stuck.STUCK_AFTER_TRIES)
    attempt = await attempt_of(shop, deadline)
    assert attempt.stuck_reason is PaymentStuckReason.PROVIDER_UNAVAILABLE
    cases = [one for one in await cases_of(shop, deadline.order) if one.cause_id == attempt.id]
    assert [one.status for one in cases] == [TicketStatus.OPEN]
    await try_as_scheduled(shop, deadline.order)
    cases = [one for one in await cases_of(shop, deadline.order) if one.cause_id == attempt.id]
    assert [one.status for one in cases] == [TicketStatus.RESOLVED]
    assert (await row_at(shop, deadline)).status in WAITING


@pytest.mark.parametrize("sold_meanwhile", [False, True])
@pytest.mark.parametrize("state", [OPEN, PAID])
async def test_a_long_outage_releases_the_units_of_a_new_order(
    shop: Shop, city: City, buyer: Actor, state: str, sold_meanwhile: bool
) -> None:
    """Unpaid orders may not keep the shelves for themselves while the provider is out.

    When it is back, the order takes the units again, unless they were sold meanwhile.
    """
    deadline = await overdue(shop, city, buyer, new_order, state)
    await pass_deadline(shop, deadline, payment_deadlines.MAX_UNANSWERED_SECONDS)
    assert await stock_counts(shop, city) == (50, 2)
    assert await run_job(shop, deadline, OFFLINE)
    assert await stock_counts(shop, city) == (50, 0)
    assert (await row_at(shop, deadline)).status is OrderStatus.PLACED
    async with shop.database.read(PLATFORM) as session:
        found = await find_differences(session, city.near.id)
    assert [one for one in found if one.counter == "reserved"] == []
    if sold_meanwhile:
        await sell_all(shop, city)
    await run_job(shop, deadline)
    status = (await row_at(shop, deadline)).status
    if sold_meanwhile:
        assert status is (OrderStatus.CANCELED if state == PAID else OrderStatus.EXPIRED)
        await shop.settle(deadline.order)
        assert (await shop.payment(deadline.order)).status in {
            PaymentStatus.VOIDED,
            PaymentStatus.EXPIRED,
        }
        return
    assert status is (OrderStatus.CONFIRMED if state == PAID else OrderStatus.PLACED)
    assert await stock_counts(shop, city) == ((48, 0) if state == PAID else (50, 2))


async def test_an_outage_that_ends_shortly_before_the_deadline_leaves_time(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The payment is opened ten seconds before its deadline: nobody can pay in that time."""
    deadline = await lost_authorization(shop, city, buyer, UNOPENED)
    await try_as_scheduled(shop, deadline.order, OFFLINE)
    await pass_deadline(shop, deadline, -10)
    await try_as_scheduled(shop, deadline.order)
    row = await row_at(shop, deadline)
    assert await seconds_left(shop, row) > payment_deadlines.FURTHER_SECONDS / 2


@pytest.mark.parametrize("is_sent", [False, True])
async def test_a_refund_waits_through_an_outage(
    shop: Shop, city: City, buyer: Actor, is_sent: bool
) -> None:
    """The provider is out for more than the week in which a refund should be there."""
    order = await captured_order(shop, city, buyer)
    if is_sent:
        await shop.sandbox.control("faults", {"pending_refunds": True})
    await issue_refund(shop, order, 400)
    if is_sent:
        await try_as_scheduled(shop, order)
    (before,) = await refunds_of(shop, order)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        past = func.clock_timestamp() - func.make_interval(0, 0, 0, 8)
        of_order = update(Refund).where(Refund.order_id == order.id)
        await session.execute(of_order.values(created_at=past, due_at=past))
    await try_as_scheduled(shop, order, OFFLINE, times=stuck.STUCK_AFTER_TRIES)
    (after,) = await refunds_of(shop, order)
    assert (after.status, after.due_at is not None) == (before.status, True)
    assert after.stuck_reason is PaymentStuckReason.PROVIDER_UNAVAILABLE


async def test_a_dispute_waits_through_an_outage(shop: Shop, city: City, buyer: Actor) -> None:
    """The bank decides while the provider is out: the dispute stays as it was told last."""
    order = await captured_order(shop, city, buyer)
    key = await dispute_at_bank(shop, order)
    await reconcile.refresh_dispute(shop.database, shop.payments, key)
    async with shop.database.read(PLATFORM) as session:
        query = select(Dispute).where(Dispute.order_id == order.id)
        before = (await session.scalars(query)).one()
    with pytest.raises(Exception, match="The provider is down"):
        await reconcile.refresh_dispute(shop.database, OFFLINE, key)
    assert (await row_of(shop, Dispute, before.id)).status is before.status


def test_every_deadline_and_every_job_that_asks_the_provider_is_walked() -> None:
    """A new deadline of an order, change, payment, refund or dispute takes a place in this walk."""
    assert {"payments" in job.run.__code__.co_names and job.name for job in JOBS} - {False} == (
        WALKED_JOBS | READING_JOBS
    )
    walked = {(Order, "payment_due_at"), (OrderChange, "payment_due_at")}
    walked |= {(model, "due_at") for model in (Payment, Refund, Dispute)}
    # The bank's own deadline for evidence, and the pickup (`test_lost_payments_of_pickups.py`).
    foreign = {(Dispute, "evidence_due_at"), (Order, "pickup_due_at")}
    models: set[type[Base]] = {Order, OrderChange, *DUE_MODELS}
    found = {
        (model, column.name)
        for model in models
        for column in model.__table__.c
        if "due_at" in column.name
    }
    assert found == walked | foreign


async def test_a_row_without_an_answer_is_no_counted_failure(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """An outage of a day would have made dead letters of all orders that wait in it."""
    deadline = await overdue(shop, city, buyer, new_order, OPEN)
    assert await run_job(shop, deadline, OFFLINE)
    async with shop.database.read(PLATFORM) as session:
        query = select(JobFailure).where(JobFailure.item == deadline.key)
        failure = (await session.scalars(query)).one()
    assert (failure.attempt_count, failure.dead_lettered) == (0, False)


async def sell_all(shop: Shop, city: City) -> None:
    """Others buy all units of the product at the counter."""
    store, reason = (city.near.id, city.company.id), StockMovementReason.POS_SALE
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        units = {product_id(city, 11): 50}
        assert not await movements.deduct(session, *store, units, reason, "counter", None)


async def seconds_left(shop: Shop, row: Any) -> float:
    async with shop.database.read(PLATFORM) as session:
        now = await session.scalar(select(func.clock_timestamp()))
    return float((row.payment_due_at - now).total_seconds())
