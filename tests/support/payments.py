"""A shop that takes money: the house's handles, a Stripe simulator, and its webhooks delivered."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from database.scope import PLATFORM
from database.sessions import Database
from gateways.payments import Intent, StripePayments
from models.events import Event
from models.identity import Actor
from models.orders import CancelReason, Order
from models.payments import Payment, PaymentStatus
from models.stock import Hold, HoldStatus
from services import checkout
from services.carts.baskets import Wish
from services.core.idempotency import Promise
from services.events.event_log import order_stream
from tests.support.city import City
from tests.support.customers import ORIGIN, product
from tests.support.stripe_simulator import Desk
from workflows.checkout import place_and_pay
from workflows.payments import payment_inbox, settle_payment
from workflows.stock.reservation_batcher import Combiner


@dataclass
class Shop:
    """What the server would hold, and shorthands for what happens around it."""

    database: Database
    combiner: Combiner
    payments: StripePayments
    desk: Desk

    async def buy(self, actor: Actor, wish: Wish, made: Promise | None = None) -> Order:
        placed = await place_and_pay.buy(self, actor=actor, origin=ORIGIN, wish=wish, made=made)
        return placed.order

    async def payment(self, order: Order) -> Payment:
        async with self.database.read(PLATFORM) as session:
            found = await session.scalar(select(Payment).where(Payment.order_id == order.id))
        assert found is not None
        return found

    async def order(self, order: Order) -> Order:
        async with self.database.read(PLATFORM) as session:
            return await session.get_one(Order, order.id)

    async def intent(self, order: Order) -> Intent:
        return await self.payments.retrieve((await self.payment(order)).intent_id or "")

    async def confirm(self, order: Order, card: str = "pm_card_visa") -> Any:
        return (await self.desk.confirm(await self.intent(order), card)).json()

    async def pay(self, order: Order, card: str = "pm_card_visa") -> PaymentStatus:
        """Confirm with a card as the customer's app does, then look as a poll does."""
        await self.confirm(order, card)
        return await self.settle(order)

    async def settle(self, order: Order) -> PaymentStatus:
        await settle_payment.settle(self.database, self.payments, order.id)
        return (await self.payment(order)).status

    async def deliver(self, letters: Sequence[tuple[bytes, str]]) -> None:
        """Take the provider's letters in as the webhook's door does."""
        for letter in letters:
            event = self.payments.read_webhook(*letter)
            await payment_inbox.keep(self.database, "stripe", event)
            assert await payment_inbox.work_off(self.database, self.payments, event.event_id)

    async def events(self, order: Order) -> list[tuple[str, dict[str, Any]]]:
        async with self.database.read(PLATFORM) as session:
            rows = await session.execute(
                select(Event.type, Event.body)
                .where(Event.stream == order_stream(order.id))
                .order_by(Event.seq)
            )
            return [(kind, body) for kind, body in rows]

    async def told(self, order: Order) -> list[str]:
        return [kind for kind, _ in await self.events(order)]

    async def holds(self, order: Order) -> set[HoldStatus]:
        async with self.database.read(PLATFORM) as session:
            rows = await session.scalars(select(Hold.status).where(Hold.order_id == order.id))
            return set(rows)


@asynccontextmanager
async def open_shop(database: Database, desk: Desk) -> AsyncIterator[Shop]:
    """A shop whose combiner runs, and whose commits nudge its settlement."""
    combiner = Combiner(database)
    combiner.start()
    yield Shop(database, combiner, desk.payments, desk)
    await combiner.close()


async def stock(shop: Shop, city: City, index: int = 11) -> tuple[int, int]:
    async with shop.database.read(PLATFORM) as session:
        row = await session.execute(
            text("select on_hand, held from stock where store_id = :s and product_id = :p"),
            {"s": city.near.id, "p": product(city, index)},
        )
        on_hand, held = row.one()
        return on_hand, held


async def cancel(shop: Shop, actor: Actor, order_id: UUID) -> None:
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        why = CancelReason.CHANGED_MIND
        await checkout.cancel_order(session, actor=actor, order_id=order_id, reason=why)
