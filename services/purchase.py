"""Buying from the customer's side: place the order, then have its payment opened at once."""

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
    key = placed.order.id
    if placed.payment is None:
        await settlement.opened(till.database, till.payments, key)
    elif order := await settlement.begin(till.database, till.payments, placed.payment):
        return checkout.Placed(order)
    async with till.database.read(actor.scope()) as session:
        return checkout.Placed(await orders.visible(session, key), placed.replayed)
