"""The end of a failed refund that pays nothing more, and what failed refunds leave of the cover."""

from typing import Any

import pytest

from database.scope import PLATFORM
from jobs import payments as payment_jobs
from models.identity import Actor
from models.orders import Order
from models.payments import Refund, RefundStatus
from services.core.problems import DomainError, InvalidInput, InvalidTransition
from services.orders import order_locks, payment_cover
from services.payments import refunds
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.payments import Shop
from tests.support.payments.settlement import (
    captured_order,
    issue_refund,
    refund_at_dashboard,
    refunds_of,
    run_as,
    try_as_scheduled,
)
from tests.workflows.payments.test_refund_states import failed_refund
from tests.workflows.payments.test_ways_out import open_cases

WHY = "The customer got it by another refund."


async def is_secured(shop: Shop, order: Order) -> bool:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        locked = await order_locks.lock(session, order.id)
        return await payment_cover.is_secured(session, locked)


async def close(shop: Shop, failed: Refund, settled_by: Refund | None = None) -> Refund:
    arguments: Any = {} if settled_by is None else {"settled_by_id": settled_by.id}
    ended: Refund = await run_as(
        shop, refunds.close_refund, refund_id=failed.id, resolution=WHY, **arguments
    )
    return ended


async def refusal(shop: Shop, failed: Refund, settled_by: Refund) -> type:
    with pytest.raises(DomainError) as refused:
        await close(shop, failed, settled_by)
    return type(refused.value.problems[0])


async def test_a_refund_that_was_issued_anew_leaves_the_order_secured(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """600 of 1000 fail, and support issues 600 anew, which the customer gets.

    Both counted: the hand-over was refused, and each step of support paid more or was refused.
    """
    order = await captured_order(shop, city, buyer, 1000)
    failed = await failed_refund(shop, order, 600)
    await issue_refund(shop, order, 600)
    await try_as_scheduled(shop, order)
    anew = (await refunds_of(shop, order))[-1]
    assert (anew.status, await is_secured(shop, order)) == (RefundStatus.SUCCEEDED, True)
    ended = await close(shop, failed, anew)
    assert (ended.status, ended.settled_by_id) == (RefundStatus.CLOSED, anew.id)
    assert (ended.resolution, ended.stuck_at) == (WHY, None)
    await try_as_scheduled(shop, order)
    assert (await shop.payment(order)).refunded_amount_minor == 600
    assert await is_secured(shop, order)
    assert await open_cases(shop, order) == set()
    assert "REFUND_CLOSED" in await shop.event_types(order)
    with pytest.raises(DomainError) as refused:
        await close(shop, failed)
    assert isinstance(refused.value.problems[0], InvalidTransition)


async def test_a_failed_refund_that_the_dashboard_has_paid_is_closed_without_money(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """300 fail, and an operator refunds 300 in the provider's dashboard.

    A retry paid 300 again, and "paid otherwise" counted 600 for 300.
    """
    order = await captured_order(shop, city, buyer, 1000)
    failed = await failed_refund(shop, order, 300)
    await refund_at_dashboard(shop, order, 300)
    await payment_jobs.reconcile_account(shop.database, shop.payments)
    (made,) = [one for one in await refunds_of(shop, order) if one.made_at_provider]
    assert (await close(shop, failed, made)).status is RefundStatus.CLOSED
    await try_as_scheduled(shop, order)
    assert (await shop.payment(order)).refunded_amount_minor == 300
    assert len(await refunds_of(shop, order)) == 2


async def test_what_was_refunded_before_a_refund_failed_does_not_settle_it(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """400 goodwill are paid, then the other 600 fail: the customer is to get them.

    Closed by support for a reason, they are not owed any more.
    """
    order = await captured_order(shop, city, buyer, 1000)
    await issue_refund(shop, order, 400)
    await try_as_scheduled(shop, order)
    failed = await failed_refund(shop, order, 600)
    assert not await is_secured(shop, order)
    assert (await close(shop, failed)).settled_by_id is None
    assert await is_secured(shop, order)


async def test_one_refund_settles_no_more_than_its_amount(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """Two refunds of 300 fail, and one of 300 is paid: it settles one of them, and the other stays.

    What settles a refund was paid or is on its way, and is another one of the same payment.
    """
    order = await captured_order(shop, city, buyer, 1000)
    first = await failed_refund(shop, order, 300)
    second = await failed_refund(shop, order, 300)
    await issue_refund(shop, order, 300)
    await try_as_scheduled(shop, order)
    paid = (await refunds_of(shop, order))[-1]
    other = await captured_order(shop, city, buyer, 1000)
    foreign = await failed_refund(shop, other, 300)
    for wrong in (second, foreign, first):
        assert await refusal(shop, first, wrong) is InvalidInput
    await close(shop, first, paid)
    assert await refusal(shop, second, paid) is InvalidInput
    assert await is_secured(shop, order)  # 1000 - 300 paid - 300 owed
    retried = await run_as(shop, refunds.retry_refund, refund_id=second.id)
    assert await refusal(shop, foreign, retried) is InvalidInput
