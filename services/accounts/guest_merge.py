"""A guest turns out to have an account: what the guest had becomes the account's."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Keyed
from models.accounts import Person
from models.carts import Cart
from models.delivery import Delivery
from models.fulfillment import Fulfillment, FulfillmentLine, Substitute
from models.orders import Order, OrderLine
from models.payments import Payment, Refund
from models.support import Ticket, TicketMessage
from services.carts import carts

# In the order in which the verbs of an order lock them.
OF_AN_ORDER: tuple[Any, ...] = (
    OrderLine, Payment, Refund, Fulfillment, FulfillmentLine, Substitute, Delivery, Ticket,
    TicketMessage,
)  # fmt: skip


async def into(session: AsyncSession, guest: Person, person: Person) -> None:
    """Give the guest's carts and orders, with all that hangs on them, to the account.

    Needs the platform's scope, and the guest's row locked against other merges.
    """
    # People come last: whoever works on an order, a ticket or a cart holds its lock when a new row
    # of it looks the customer up, which an exclusive lock of the guest would keep waiting.
    held = await _lock_orders(session, guest.id)
    await _lock(session, Ticket, Ticket.order_id.in_([order.id for order in held]))
    await _lock(session, Cart, Cart.person_id == guest.id)
    await session.refresh(guest, with_for_update=True)
    # From here on nobody can place an order as the guest: those that came meanwhile are the last.
    held = [*held, *await _lock_orders(session, guest.id, but=held)]
    for order in held:
        order.customer_id = person.id
    await session.flush()
    keys = [order.id for order in held]
    for model in OF_AN_ORDER if keys else ():
        await session.execute(
            update(model)
            .where(_in_orders(model, keys))
            .values(customer_id=person.id)
            .execution_options(synchronize_session=False)
        )
    await carts.merge(session, guest.id, person.id)
    guest.merged_into_id = person.id


async def _lock_orders(
    session: AsyncSession, customer_id: UUID, but: Sequence[Order] = ()
) -> list[Order]:
    """A customer's orders, locked one after another in the order of their keys."""
    rows = await session.scalars(
        select(Order)
        .where(Order.customer_id == customer_id, Order.id.not_in([order.id for order in but]))
        .order_by(Order.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def _lock(session: AsyncSession, model: type[Keyed], which: ColumnElement[bool]) -> None:
    await session.execute(select(model.id).where(which).order_by(model.id).with_for_update())


def _in_orders(model: Any, keys: Sequence[UUID]) -> Any:
    """Whether a row hangs on one of these orders: by its own key, or by that of what holds it."""
    if hasattr(model, "order_id"):
        return model.order_id.in_(keys)
    above, link = PARENTS[model]
    return link.in_(select(above.id).where(above.order_id.in_(keys)))


PARENTS: dict[Any, tuple[Any, Any]] = {
    FulfillmentLine: (Fulfillment, FulfillmentLine.fulfillment_id),
    TicketMessage: (Ticket, TicketMessage.ticket_id),
}
