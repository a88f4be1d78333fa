"""Reconciling the provider's account: each list is read from where the last run stopped."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select, text

from database.scope import PLATFORM
from gateways.payments import PaymentUnavailable, stripe_adapter, stripe_responses
from jobs import payments as payment_jobs
from models.identity import Actor
from models.operations import JobFailure
from models.orders import Order
from services.payments import refund_results
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.payments import Shop
from tests.support.payments.settlement import (
    captured_order,
    dispute_at_bank,
    disputes_of,
    refund_at_dashboard,
    refunds_of,
)
from workflows.payments import reconcile


class RecordedLists:
    """The provider's lists as they are asked for; an outage begins after `pages` pages."""

    def __init__(self, shop: Shop, pages: int = 1_000) -> None:
        self.shop, self.pages = shop, pages
        self.asked: list[tuple[str, datetime, str | None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.shop.payments, name)

    async def list_recent_refunds(self, since: datetime, after: str | None = None) -> Any:
        return await self._page("refunds", since, after)

    async def list_recent_disputes(self, since: datetime, after: str | None = None) -> Any:
        return await self._page("disputes", since, after)

    async def _page(self, name: str, since: datetime, after: str | None) -> Any:
        if len(self.asked) >= self.pages:
            raise PaymentUnavailable("The provider does not answer.")
        self.asked.append((name, since, after))
        read = getattr(self.shop.payments, f"list_recent_{name}")
        return await read(since, after)


@pytest.fixture(autouse=True)
async def _new_cursors(shop: Shop) -> None:
    """The cursors and failures are of the whole database, and other tests move them."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(text("delete from job_cursor where name like 'payment.reconcile%'"))
        await session.execute(text("delete from job_failure where job like 'payment.reconcile%'"))


async def refunded_order(shop: Shop, city: City, buyer: Actor, count: int) -> Order:
    order = await captured_order(shop, city, buyer)
    for number in range(count):
        await refund_at_dashboard(shop, order, 10 + number)
    return order


async def amounts(shop: Shop, order: Order) -> list[int]:
    return sorted(refund.amount_minor for refund in await refunds_of(shop, order))


async def run(shop: Shop, lists: Any) -> int:
    return await payment_jobs.reconcile_account(shop.database, lists)


async def test_a_later_run_reads_only_what_is_new(shop: Shop, city: City, buyer: Actor) -> None:
    """Each run used to read the lists of three days from their begin."""
    order = await refunded_order(shop, city, buyer, 1)
    lists = RecordedLists(shop)
    await run(shop, lists)
    await run(shop, lists)
    (_, first, _), _, (name, second, after), _ = lists.asked
    assert (name, after) == ("refunds", None)
    hours = (second - first).total_seconds() / 3600
    assert 71 <= hours < 72, "three days at first, then an hour before the last run"
    assert await amounts(shop, order) == [10]


async def test_a_long_list_is_read_page_by_page_and_over_several_runs(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More refunds than a run reads: the next runs go on where it stopped, and miss none."""
    monkeypatch.setattr(stripe_adapter, "PAGE_ROWS", 2)
    monkeypatch.setattr(payment_jobs, "MAX_LIST_PAGES", 2)
    order = await refunded_order(shop, city, buyer, 7)
    lists = RecordedLists(shop)
    await run(shop, lists)
    assert await amounts(shop, order) == [13, 14, 15, 16], "the newest two pages"
    await refund_at_dashboard(shop, order, 99)
    await run(shop, lists)
    assert await amounts(shop, order) == [10, 11, 12, 13, 14, 15, 16]
    await run(shop, lists)
    assert await amounts(shop, order) == [10, 11, 12, 13, 14, 15, 16, 99]
    afters = [after for name, _, after in lists.asked if name == "refunds"]
    assert [after is None for after in afters[:5]] == [True, False, False, False, True]


async def test_an_outage_in_the_middle_of_a_list_loses_nothing(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first page is stored; the provider fails at the second one, which the next run reads."""
    monkeypatch.setattr(stripe_adapter, "PAGE_ROWS", 2)
    order = await refunded_order(shop, city, buyer, 5)
    dispute_order = await captured_order(shop, city, buyer)
    await dispute_at_bank(shop, dispute_order)
    with pytest.raises(PaymentUnavailable):
        await run(shop, RecordedLists(shop, pages=1))
    assert await amounts(shop, order) == [13, 14]
    lists = RecordedLists(shop)
    await run(shop, lists)
    assert lists.asked[0][2] is not None, "not from the begin of the list"
    assert await amounts(shop, order) == [10, 11, 12, 13, 14]
    assert len(await disputes_of(shop, dispute_order)) == 1


async def test_a_crash_before_the_position_is_stored_reads_the_page_again(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await refunded_order(shop, city, buyer, 2)

    async def crash(*_arguments: Any) -> None:
        raise ConnectionError("the worker was killed")

    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "store_position", crash)
        with pytest.raises(ConnectionError):
            await run(shop, RecordedLists(shop))
    await run(shop, RecordedLists(shop))
    assert await amounts(shop, order) == [10, 11], "each of them once"


async def test_a_payment_that_fails_is_tried_again_and_holds_up_no_page(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list goes on; the failed payment is asked about by its own id until it succeeds."""
    failing = await refunded_order(shop, city, buyer, 1)
    other = await refunded_order(shop, city, buyer, 1)
    payment, real = await shop.payment(failing), refund_results.apply_results

    async def fail_for_one(session: Any, order: Order, *more: Any) -> Any:
        if order.id == failing.id:
            raise RuntimeError("unexpected")
        return await real(session, order, *more)

    with monkeypatch.context() as patch:
        patch.setattr(refund_results, "apply_results", fail_for_one)
        await run(shop, RecordedLists(shop))
    assert (await amounts(shop, failing), await amounts(shop, other)) == ([], [10])
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        failure = await session.scalar(select(JobFailure).where(JobFailure.item == payment.id))
        assert failure is not None
        failure.next_attempt_at = failure.last_failed_at
    assert await payment_jobs.reconcile_failed(shop.database, shop.payments) == 1
    assert await amounts(shop, failing) == [10]
    assert await payment_jobs.reconcile_failed(shop.database, shop.payments) == 0


async def test_payments_that_had_no_turn_are_read_again(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow run ends before all payments of its page had their turn: the page is not over."""
    order = await refunded_order(shop, city, buyer, 1)

    async def nobody_has_a_turn(*_arguments: Any, **_options: Any) -> int:
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(payment_jobs, "process_each", nobody_has_a_turn)
        await run(shop, RecordedLists(shop))
    await run(shop, RecordedLists(shop))
    assert await amounts(shop, order) == [10]


async def test_an_entry_that_can_not_be_read_hides_no_other(
    shop: Shop, city: City, buyer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await refunded_order(shop, city, buyer, 2)
    real = stripe_responses.parse_refund

    def parse(body: Any) -> Any:
        if body["amount"] == 11:
            raise KeyError("status")
        return real(body)

    monkeypatch.setattr(stripe_responses, "parse_refund", parse)
    await run(shop, RecordedLists(shop))
    assert await amounts(shop, order) == [10]
