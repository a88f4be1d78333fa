"""Orders while the payment provider fails at each step of each request that it gets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from gateways.payments import StripePaymentGateway
from models.identity import Actor
from models.orders import Order
from models.payments import PaymentStatus
from services.core.transient_errors import is_transient
from tests.services.conftest import buyer, city, shop, stripe_sandbox
from tests.support.city import City
from tests.support.customers import order_request
from tests.support.faults.faulty_link import CONNECT, FaultyLink, open_link
from tests.support.faults.protocol_steps import http_step
from tests.support.payments import Shop, cancel
from tests.support.payments.settlement import (
    issue_refund,
    refunds_at_provider,
    refunds_of,
    request_capture,
    try_as_scheduled,
)
from tests.support.stripe_simulator import SECRET_KEY, WEBHOOK_SECRET
from workflows.payments import refresh_payment

__all__ = ["buyer", "city", "shop", "stripe_sandbox"]

CALL_SECONDS = 1.0
MAX_ROUNDS = 60
MAX_TRIES = 50
PRICE_MINOR, REFUND_MINOR = 1000, 300
INTENT = "/v1/payment_intents"
STEPS = {
    CONNECT, f"POST {INTENT}", f"GET {INTENT}/*", f"POST {INTENT}/*/capture",
    f"POST {INTENT}/*/cancel", "POST /v1/refunds",
}  # fmt: skip


@asynccontextmanager
async def linked_shop(shop: Shop) -> AsyncIterator[tuple[Shop, FaultyLink]]:
    """The shop, whose gateway reaches the simulator over a link."""
    port = urlsplit(shop.sandbox.url).port
    assert port is not None
    async with open_link(port, http_step) as link:
        payments = StripePaymentGateway(
            secret_key=SECRET_KEY,
            webhook_secret=WEBHOOK_SECRET,
            api_base=link.url,
            call_timeout_seconds=CALL_SECONDS,
        )
        try:
            yield Shop(shop.database, shop.reservation_queue, payments, shop.sandbox), link
        finally:
            await payments.close()


async def is_settled(shop: Shop, order: Order, status: PaymentStatus) -> bool:
    payment = await shop.payment(order)
    open_refunds = [one for one in await refunds_of(shop, order) if one.due_at is not None]
    return payment.status is status and not open_refunds


class CutCheckout:
    """Plays the life of one order; the provider fails in the middle of each of its steps."""

    def __init__(self, shop: Shop, link: FaultyLink, city: City, buyer: Actor) -> None:
        self._shop, self._link, self._city, self._buyer = shop, link, city, buyer
        self._direct = replace(shop, payments=shop.sandbox.payments)

    async def play(self, *, cancels: bool) -> None:
        order = await self._place()
        await self._confirm(order)
        await self._settle(order, PaymentStatus.AUTHORIZED)
        if cancels:
            await cancel(self._shop, self._buyer, order.id)
            await self._settle(order, PaymentStatus.VOIDED)
            return
        await request_capture(self._shop, order, PRICE_MINOR)
        await self._settle(order, PaymentStatus.CAPTURED)
        await issue_refund(self._shop, order, REFUND_MINOR)
        await self._settle(order, PaymentStatus.PARTIALLY_REFUNDED)
        payment = await self._shop.payment(order)
        assert (payment.captured_amount_minor, payment.refunded_amount_minor) == (
            PRICE_MINOR,
            REFUND_MINOR,
        )
        refunds = await refunds_at_provider(self._direct, order)
        assert [one.amount_minor for one in refunds] == [REFUND_MINOR]

    async def _place(self) -> Order:
        """The order is written whatever the provider does: its payment is opened later then."""
        await self._link.arm()
        order = await self._shop.buy(self._buyer, order_request(self._city))
        await self._link.mend()
        for _ in range(MAX_TRIES):
            if (await self._shop.payment(order)).intent_id is not None:
                return order
            await try_as_scheduled(self._shop, order)
        raise AssertionError("the payment is never opened")

    async def _confirm(self, order: Order) -> None:
        """The customer pays without us, then the app asks for the payment's state."""
        await self._direct.confirm(order)
        await self._refresh(order)

    async def _refresh(self, order: Order) -> None:
        await self._link.arm()
        await answered(
            lambda: refresh_payment.refresh(self._shop.database, self._shop.payments, order.id)
        )
        await self._link.mend()

    async def _settle(self, order: Order, status: PaymentStatus) -> None:
        """Try as the job does, once while the provider fails, then until it is done."""
        await self._link.arm()
        await answered(lambda: try_as_scheduled(self._shop, order))
        await self._link.mend()
        for _ in range(MAX_TRIES):
            if await is_settled(self._shop, order, status):
                return
            await self._shop.settle(order)
            await try_as_scheduled(self._shop, order)
        raise AssertionError(f"never {status}: {self._link.log[-1]}")


async def answered(step: Callable[[], Awaitable[object]]) -> None:
    """Take a step, which succeeds or ends by an error that clients see as UNAVAILABLE."""
    try:
        await step()
    except Exception as error:
        if not is_transient(error):
            raise


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_an_order_is_charged_once_whatever_the_provider_fails_at(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """The provider refuses, is silent or goes away in each request, then works again.

    Each order is paid and captured, or its authorization is released; a refund is made once.
    """
    async with linked_shop(shop) as (linked, link):
        checkout = CutCheckout(linked, link, city, buyer)
        for number in range(MAX_ROUNDS):
            faults = len(link.log)
            await checkout.play(cancels=number % 2 == 0)
            if number % 2 and len(link.log) == faults:
                break
        assert link.seen.keys() >= STEPS
        assert link.missing() == {}
