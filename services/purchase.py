"""Buying from the customer's side: place the order, then have its payment opened at once."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from gateways.payments import Payments
from models import Actor
from models.database import Origin
from services import checkout, idempotency, settlement
from services import order as orders
from services.basket import Wish


class Till(checkout.Doors, Protocol):
    """The handles of the process that buying needs."""

    @property
    def payments(self) -> Payments: ...


async def buy(
    till: Till,
    *,
    actor: Actor,
    origin: Origin,
    wish: Wish,
    made: idempotency.Promise | None = None,
) -> checkout.Placed:
    """Place an order and open its payment; refused and replayed as `checkout.place` says.

    The order stands also when the provider can't be reached: a job asks again.
    """
    placed = await checkout.place(till, actor=actor, origin=origin, wish=wish, made=made)
    ask: Callable[..., Awaitable[object]]
    ask = settlement.opened if placed.replayed else settlement.settle
    await ask(till.database, till.payments, placed.order.id)
    async with till.database.read(actor.scope()) as session:
        return checkout.Placed(await orders.visible(session, placed.order.id), placed.replayed)
