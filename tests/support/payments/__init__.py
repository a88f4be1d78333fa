"""A process that sells: its dependencies, a Stripe simulator, and the delivery of its webhooks."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import PaymentIntent, StripePaymentGateway
from models.events import Event
from models.identity import Actor
from models.orders import Order, OrderCancelReason
from models.payments import Payment, PaymentStatus
from models.stock import Hold, HoldStatus
from services.carts.baskets import OrderRequest
from services.checkout import cancellation
from services.core.idempotency import IdempotentRequest
from services.events.event_log import order_stream
from tests.support.city import City
from tests.support.customers import ORIGIN, product_id
from tests.support.stripe_simulator import StripeSandbox
from workflows.checkout import place_and_pay
from workflows.payments import payment_inbox, settle_payment
from workflows.stock.reservation_batcher import ReservationBatcher


@dataclass
class Shop:
    """The dependencies of the workflows, with shorthands for what tests do and check."""

    database: Database
    reservation_queue: ReservationBatcher
    payments: StripePaymentGateway
    sandbox: StripeSandbox

    async def buy(
        self,
        actor: Actor,
        request: OrderRequest,
        idempotent_request: IdempotentRequest | None = None,
    ) -> Order:
        result = await place_and_pay.place_and_pay(
            self,
            actor=actor,
            origin=ORIGIN,
            order_request=request,
            idempotent_request=idempotent_request,
        )
        return result.order

    async def payment(self, order: Order) -> Payment:
        async with self.database.read(PLATFORM) as session:
            statement = select(Payment).where(Payment.order_id == order.id, Payment.is_current)
            payment = await session.scalar(statement)
        assert payment is not None
        return payment

    async def attempts(self, order: Order) -> list[Payment]:
        """All payment attempts, the oldest first."""
        async with self.database.read(PLATFORM) as session:
            statement = select(Payment).where(Payment.order_id == order.id).order_by(Payment.id)
            return list(await session.scalars(statement))

    async def order(self, order: Order) -> Order:
        async with self.database.read(PLATFORM) as session:
            return await session.get_one(Order, order.id)

    async def intent(self, order: Order) -> PaymentIntent:
        return await self.payments.retrieve((await self.payment(order)).intent_id or "")

    async def confirm(self, order: Order, card: str = "pm_card_visa") -> Any:
        return (await self.sandbox.confirm(await self.intent(order), card)).json()

    async def pay(self, order: Order, card: str = "pm_card_visa") -> PaymentStatus:
        """Confirm with a card as the customer's app does, then settle as the job does."""
        await self.confirm(order, card)
        return await self.settle(order)

    async def settle(self, order: Order) -> PaymentStatus:
        await settle_payment.settle(self.database, self.payments, order.id)
        return (await self.payment(order)).status

    async def deliver(self, requests: Sequence[tuple[bytes, str]]) -> None:
        """Take in the webhook requests as the endpoint does."""
        for request in requests:
            event = self.payments.read_webhook(*request)
            await payment_inbox.store_notice(self.database, "stripe", event)
            await payment_inbox.process_notice(self.database, self.payments, event.event_id)

    async def events(self, order: Order) -> list[tuple[str, dict[str, Any]]]:
        async with self.database.read(PLATFORM) as session:
            rows = await session.execute(
                select(Event.type, Event.body)
                .where(Event.stream == order_stream(order.id))
                .order_by(Event.seq)
            )
            return [(type_, body) for type_, body in rows]

    async def event_types(self, order: Order) -> list[str]:
        return [type_ for type_, _ in await self.events(order)]

    async def reservation_statuses(self, order: Order) -> set[HoldStatus]:
        async with self.database.read(PLATFORM) as session:
            rows = await session.scalars(select(Hold.status).where(Hold.order_id == order.id))
            return set(rows)


@asynccontextmanager
async def open_shop(database: Database, sandbox: StripeSandbox) -> AsyncIterator[Shop]:
    """A shop whose reservation queue runs until the block ends."""
    reservation_queue = ReservationBatcher(database)
    reservation_queue.start()
    yield Shop(database, reservation_queue, sandbox.payments, sandbox)
    await reservation_queue.close()


async def stock_counts(shop: Shop, city: City, index: int = 11) -> tuple[int, int]:
    """On hand and reserved units of a product in the nearest store."""
    async with shop.database.read(PLATFORM) as session:
        rows = await session.execute(
            text("select on_hand, reserved from stock where store_id = :s and product_id = :p"),
            {"s": city.near.id, "p": product_id(city, index)},
        )
        on_hand, reserved = rows.one()
        return on_hand, reserved


async def cancel(shop: Shop, actor: Actor, order_id: UUID) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        reason = OrderCancelReason.CHANGED_MIND
        await cancellation.cancel_order(session, actor=actor, order_id=order_id, reason=reason)
