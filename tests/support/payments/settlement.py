"""Steps of a payment's life at the provider: scheduled tries, outages, captures, refunds."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from database.scope import PLATFORM
from gateways.payments import PaymentUnavailable
from models.identity import Actor, Grant, Role
from models.orders import Order
from models.payments import Dispute, Payment, PaymentStatus, Refund, RefundReason
from models.support import Ticket
from services.core.clock import database_time
from services.orders import order_locks
from services.payments import payments, support_refunds
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request
from tests.support.payments import Shop
from workflows.payments import settle_payment, settle_refunds


class OfflinePayments:
    """A provider that answers nothing."""

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: Any, **__: Any) -> Any:
            raise PaymentUnavailable("The provider is down.")

        return fail


class LostAnswers:
    """A provider that does what it is asked, and whose answer to one method is lost."""

    def __init__(self, shop: Shop, method: str) -> None:
        self._shop, self._method = shop, method

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._shop.payments, name)
        if name != self._method:
            return call

        async def lose(*arguments: Any, **named: Any) -> Any:
            await call(*arguments, **named)
            raise PaymentUnavailable("The connection was cut.")

        return lose


async def paid_order(shop: Shop, city: City, buyer: Actor, quantity: int = 1) -> Order:
    """An order whose payment is authorized."""
    order = await shop.buy(buyer, order_request(city, quantity))
    assert await shop.pay(order) is PaymentStatus.AUTHORIZED
    return order


async def captured_order(shop: Shop, city: City, buyer: Actor, amount_minor: int = 1000) -> Order:
    """An order of which an amount is captured."""
    order = await paid_order(shop, city, buyer)
    await request_capture(shop, order, amount_minor)
    assert await shop.settle(order) is PaymentStatus.CAPTURED
    return order


async def request_capture(shop: Shop, order: Order, amount_minor: int = 1000) -> None:
    """Request the capture as packing does."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        locked = await order_locks.lock(session, order.id)
        await payments.request_capture(session, locked, amount_minor)


async def end_payment(shop: Shop, order: Order, keep_minor: int = 0) -> None:
    """Request the end of an order's payment, as a cancellation or a return does."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        locked = await order_locks.lock(session, order.id)
        await payments.request_void(session, locked, keep_minor)


async def create_agent(shop: Shop) -> Actor:
    """A support agent of the platform."""
    return (await create_people(shop.database, 1, Grant(Role.SUPPORT_AGENT)))[0]


async def issue_refund(shop: Shop, order: Order, amount_minor: int) -> Refund:
    """Request a refund as a support agent."""
    agent = await create_agent(shop)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        return await support_refunds.issue_refund(
            session,
            actor=agent,
            order_id=order.id,
            amount_minor=amount_minor,
            reason=RefundReason.LATE,
        )


async def run_as(shop: Shop, step: Any, **arguments: Any) -> Any:
    """Run a step of support in a transaction, as a new agent."""
    agent = await create_agent(shop)
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        return await step(session, actor=agent, **arguments)


async def try_as_scheduled(shop: Shop, order: Order, gateway: Any = None, times: int = 1) -> None:
    """Make the tries that the job makes of an order's open payments and refunds."""
    provider = gateway or shop.payments
    for _ in range(times):
        for payment in await payments_of(shop, order):
            if payment.due_at is not None:
                await settle_payment.settle_payment(shop.database, provider, payment.id)
        for refund in await refunds_of(shop, order):
            if refund.due_at is not None:
                await settle_refunds.settle_refund(shop.database, provider, refund.id)


async def time_now(shop: Shop) -> datetime:
    """The time of the database, by which the schedule plans."""
    async with shop.database.read(PLATFORM) as session:
        return await database_time(session)


async def expect_delay(
    shop: Shop, row: Payment | Refund, seconds: float, *, since: datetime
) -> None:
    """Assert that the schedule waits for `seconds` after a try that was made since then.

    However long the try took: the delay counts from a moment between `since` and now.
    """
    assert row.due_at is not None, "nobody would try again"
    assert since <= row.due_at - timedelta(seconds=seconds) <= await time_now(shop)


async def make_older(shop: Shop, model: Any, order: Order, hours: int) -> None:
    """Move the creation of an order's rows into the past, and the provider's clock forward."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(
            update(model)
            .where(model.order_id == order.id)
            .values(created_at=model.created_at - timedelta(hours=hours))
        )
    await shop.sandbox.control("clock", {"advance_seconds": hours * 3600})


async def payments_of(shop: Shop, order: Order) -> Sequence[Payment]:
    return await _rows(shop, Payment, order)


async def refunds_of(shop: Shop, order: Order) -> Sequence[Refund]:
    return await _rows(shop, Refund, order)


async def disputes_of(shop: Shop, order: Order) -> Sequence[Dispute]:
    return await _rows(shop, Dispute, order)


async def cases_of(shop: Shop, order: Order) -> Sequence[Ticket]:
    """The tickets that the system opened about an order, the oldest first."""
    return [each for each in await _rows(shop, Ticket, order) if each.internal]


async def refunds_at_provider(shop: Shop, order: Order) -> Sequence[Any]:
    """The refunds that the provider has of an order's payment, the oldest first."""
    intent_id = (await shop.payment(order)).intent_id or ""
    return list(reversed(await shop.payments.list_refunds(intent_id)))


async def refund_at_dashboard(shop: Shop, order: Order, amount_minor: int) -> str:
    """Refund in the provider's dashboard; the provider's id."""
    intent_id = (await shop.payment(order)).intent_id
    form = {"payment_intent": intent_id, "amount": str(amount_minor)}
    response = await shop.sandbox.store.post("/v1/refunds", data=form)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


async def dispute_at_bank(shop: Shop, order: Order, **more: Any) -> str:
    """Open a dispute of an order's payment at the cardholder's bank; the provider's id."""
    intent_id = (await shop.payment(order)).intent_id
    answer = await shop.sandbox.control("disputes", {"payment_intent": intent_id, **more})
    return str(answer["id"])


async def _rows(shop: Shop, model: Any, order: Order) -> Sequence[Any]:
    async with shop.database.read(PLATFORM) as session:
        query = select(model).where(model.order_id == order.id).order_by(model.id)
        return (await session.scalars(query)).all()


async def row_of(shop: Shop, model: Any, key: UUID) -> Any:
    async with shop.database.read(PLATFORM) as session:
        return await session.get_one(model, key)
