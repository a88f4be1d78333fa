"""What holds of every payment, whatever happens at the provider and in whatever order."""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from database.scope import PLATFORM
from models.identity import Actor
from models.orders import Order, OrderStatus
from models.payments import PaymentStatus, RefundStatus
from services.checkout import payment_outcomes
from services.core.problems import DomainError
from services.payments import provider_reports, refunds
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request
from tests.support.payments import Shop, cancel
from tests.support.payments.settlement import (
    LostAnswers,
    OfflinePayments,
    dispute_at_bank,
    end_payment,
    issue_refund,
    payments_of,
    refund_at_dashboard,
    refunds_at_provider,
    refunds_of,
    request_capture,
    run_as,
    try_as_scheduled,
)
from workflows.payments import reconcile, settle_payment

STEPS = 25
ENDED = {OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.PAYMENT_FAILED}
OPEN_REFUNDS = {RefundStatus.REQUESTED, RefundStatus.PENDING}
# What people, jobs and the provider refuse in a state that does not allow it.
REFUSALS = (DomainError, AssertionError, httpx.HTTPError)


@dataclass
class Story:
    """One order and everything that can happen to its money."""

    shop: Shop
    buyer: Actor
    order: Order
    dice: random.Random
    kept_minor: int = 0
    captured_minor_at_end: int | None = None

    def steps(self) -> list[Callable[[], Awaitable[Any]]]:
        shop, order, dice = self.shop, self.order, self.dice
        amount_minor = dice.randint(1, 900)
        lossy = LostAnswers(shop, dice.choice(["capture", "cancel", "refund", "retrieve"]))
        return [
            lambda: shop.confirm(order, "pm_card_chargeDeclined"),
            lambda: shop.confirm(order),
            lambda: shop.confirm(order),
            lambda: request_capture(shop, order),
            lambda: try_as_scheduled(shop, order),
            lambda: try_as_scheduled(shop, order, OfflinePayments(), times=12),
            lambda: try_as_scheduled(shop, order, lossy),
            lambda: settle_payment.refresh(shop.database, shop.payments, order.id),
            lambda: issue_refund(shop, order, amount_minor),
            lambda: refund_at_dashboard(shop, order, amount_minor),
            lambda: dispute_at_bank(shop, order, amount=amount_minor),
            lambda: self._at_provider("disputes", "dispute", ["won", "lost"]),
            lambda: self._at_provider("refunds", "refund", ["succeeded", "failed"]),
            lambda: shop.sandbox.control("faults", {"pending_refunds": dice.random() < 0.5}),
            self._reconcile,
            self._retry_or_note,
            lambda: shop.deliver(list(shop.sandbox.inbox.requests)),
            self._end,
        ]

    async def _at_provider(self, command: str, name: str, statuses: list[str]) -> None:
        listed = (await self.shop.sandbox.store.get(f"/v1/{command}")).json()["data"]
        if listed:
            one = self.dice.choice(listed)["id"]
            await self.shop.sandbox.control(
                command, {name: one, "status": self.dice.choice(statuses)}
            )

    async def _reconcile(self) -> None:
        payment = await self.shop.payment(self.order)
        await reconcile.reconcile_payment(self.shop.database, self.shop.payments, payment.id)

    async def _retry_or_note(self) -> None:
        failed = [
            each for each in await refunds_of(self.shop, self.order)
            if each.status is RefundStatus.FAILED
        ]  # fmt: skip
        if failed and self.dice.random() < 0.5:
            await run_as(self.shop, refunds.retry_refund, refund_id=failed[0].id)
        elif failed:
            step = refunds.mark_refund_paid
            await run_as(self.shop, step, refund_id=failed[0].id, resolution="By hand")

    async def _end(self) -> None:
        """Cancel, expire, or return the order with a kept fee, once and seldom."""
        if self.dice.random() < 0.7 or self.captured_minor_at_end is not None:
            return
        order = await self.shop.order(self.order)
        if order.status is OrderStatus.PLACED:
            async with self.shop.database.write(PLATFORM, ORIGIN) as session:
                overdue = (
                    "update \"order\" set payment_due_at = now() - interval '1 s' where id = :id"
                )
                await session.execute(text(overdue), {"id": order.id})
            async with self.shop.database.write(PLATFORM, ORIGIN) as session:
                await payment_outcomes.expire_order(session, order.id)
        elif self.dice.random() < 0.5:
            await cancel(self.shop, self.buyer, order.id)
        else:
            self.kept_minor = 150
            await end_payment(self.shop, order, self.kept_minor)
        self.captured_minor_at_end = (await self.shop.intent(self.order)).captured_amount_minor

    async def check(self) -> None:
        """The rows and the provider, after every step."""
        intent = await self.shop.intent(self.order)
        for payment in await payments_of(self.shop, self.order):
            assert payment.captured_amount_minor <= payment.authorized_amount_minor
            assert payment.refunded_amount_minor <= payment.captured_amount_minor
            assert not provider_reports.has_request(payment) or payment.due_at is not None
        for refund in await refunds_of(self.shop, self.order):
            assert refund.status not in OPEN_REFUNDS or refund.due_at is not None
            assert refund.status is not RefundStatus.FAILED or refund.stuck_at is not None
        assert (intent.refunded_amount_minor or 0) <= intent.captured_amount_minor
        if self.captured_minor_at_end is not None:
            assert intent.captured_amount_minor <= max(self.captured_minor_at_end, self.kept_minor)

    async def settle_everything(self) -> None:
        """The provider is back: the schedule ends what is open."""
        await self.shop.sandbox.control("faults", {})
        for _ in range(4):
            await try_as_scheduled(self.shop, self.order)
            listed = (await self.shop.sandbox.store.get("/v1/refunds?limit=100")).json()["data"]
            for each in listed:
                if each["status"] == "pending":
                    ended = {"refund": each["id"], "status": "succeeded"}
                    await self.shop.sandbox.control("refunds", ended)
            await self._reconcile()


@pytest.mark.parametrize("seed", range(12))
async def test_money_adds_up_whatever_happens(
    shop: Shop, city: City, buyer: Actor, seed: int
) -> None:
    """Random stories of one order: cards, captures, outages, lost answers, refunds, disputes.

    Captured never exceeds authorized, refunded never exceeds captured, what is requested is always
    due again, an ended order is not charged, and when the provider is back rows and provider agree.
    """
    order = await shop.buy(buyer, order_request(city))
    story = Story(shop, buyer, order, random.Random(seed))
    for _ in range(STEPS):
        with suppress(*REFUSALS):
            await story.dice.choice(story.steps())()
        await story.check()
    await story.settle_everything()
    await story.check()
    intent, payment = await shop.intent(order), await shop.payment(order)
    rows = await refunds_of(shop, order)
    assert payment.captured_amount_minor == intent.captured_amount_minor
    at_provider = [
        each.amount_minor for each in await refunds_at_provider(shop, order)
        if each.state in {"succeeded", "pending"}
    ]  # fmt: skip
    succeeded = [each.amount_minor for each in rows if each.status is RefundStatus.SUCCEEDED]
    assert sorted(succeeded) == sorted(at_provider)
    assert not {each.status for each in rows} & OPEN_REFUNDS
    assert not provider_reports.has_request(payment)
    if (await shop.order(order)).status in ENDED:
        assert payment.status is not PaymentStatus.AUTHORIZED
