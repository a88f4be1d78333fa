"""A refund that two processes send at the same time, one of which can't reach the provider."""

from typing import Any

from sqlalchemy import select

from database.scope import PLATFORM
from gateways.payments import PaymentUnavailable
from models.identity import Actor, Grant, Role
from models.orders import Order
from models.payments import PaymentStatus, Refund, RefundReason, RefundStatus
from services.orders import order_locks
from services.payments import payments, support_refunds
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people, order_request
from tests.support.payments import Shop
from workflows.payments import settle_payment

REFUND_MINOR = 150


class OvertakenPayments:
    """The gateway of a process whose request is lost after another process got its answer."""

    def __init__(self, shop: Shop, order: Order) -> None:
        self._shop = shop
        self._order = order

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shop.payments, name)

    async def refund(self, *_: Any) -> None:
        await self._shop.settle(self._order)
        raise PaymentUnavailable("the connection was cut")


async def test_a_refund_that_another_process_ended_first_stays_as_it_is(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await shop.buy(buyer, order_request(city))
    await shop.pay(order)
    (agent,) = await create_people(shop.database, 1, Grant(Role.SUPPORT_AGENT))
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await payments.request_capture(session, await order_locks.lock(session, order.id), 1000)
    assert await shop.settle(order) is PaymentStatus.CAPTURED
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await support_refunds.issue_refund(
            session,
            actor=agent,
            order_id=order.id,
            amount_minor=REFUND_MINOR,
            reason=RefundReason.LATE,
        )
    overtaken: Any = OvertakenPayments(shop, order)
    assert not await settle_payment.settle(shop.database, overtaken, order.id)
    async with shop.database.read(PLATFORM) as session:
        refund = (await session.scalars(select(Refund).where(Refund.order_id == order.id))).one()
    assert (refund.status, refund.tries) == (RefundStatus.SUCCEEDED, 0)
    assert (await shop.intent(order)).refunded_amount_minor == REFUND_MINOR
