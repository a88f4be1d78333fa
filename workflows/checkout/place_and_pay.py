"""Buying from the customer's side: place the order, then have its payment opened at once."""

from typing import Protocol

from database.sessions import Origin
from gateways.payments import Payments
from models.identity import Actor
from services.carts.baskets import Wish
from services.core import idempotency
from services.orders import orders
from workflows.checkout import place_order
from workflows.payments import settle_payment


class Till(place_order.Doors, Protocol):
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
) -> place_order.Placed:
    """Place an order and open its payment; refused and replayed as `checkout.place` says.

    The order stands also when the provider can't be reached: a job asks again.
    """
    placed = await place_order.place(till, actor=actor, origin=origin, wish=wish, made=made)
    key = placed.order.id
    if placed.payment is None:
        await settle_payment.opened(till.database, till.payments, key)
    elif order := await settle_payment.begin(till.database, till.payments, placed.payment):
        return place_order.Placed(order)
    async with till.database.read(actor.scope()) as session:
        return place_order.Placed(await orders.visible(session, key), placed.replayed)
