"""Merges a guest into the account that the guest signs in to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Entity
from models.accounts import User
from models.carts import Cart
from models.delivery import Delivery
from models.files import File
from models.fulfillment import Fulfillment, FulfillmentLine, Substitution
from models.orders import AgeCheck, Order, OrderChange, OrderLine
from models.payments import Payment, Refund
from models.support import Ticket, TicketMessage
from services.carts import carts
from services.core import idempotency

# In the order in which commands on an order lock them.
ORDER_MODELS: tuple[Any, ...] = (
    OrderLine, OrderChange, Payment, Refund, Fulfillment, FulfillmentLine, Substitution, AgeCheck,
    Delivery, Ticket, TicketMessage,
)  # fmt: skip


async def merge_guest(
    session: AsyncSession, guest: User, person: User, *, kept_key: str | None = None
) -> None:
    """Move the guest's carts, orders with their rows, files and idempotency keys to the account.

    `kept_key` is the key of this very request: its repetition comes from the guest.
    Needs the platform scope, and the guest's row locked against other merges.
    """
    # The person is locked last: commands on an order, ticket or cart hold its lock while the
    # foreign key of a new row locks the customer, so the reverse order could deadlock.
    orders = await _lock_orders(session, guest.id)
    await _lock(session, Ticket, Ticket.order_id.in_([order.id for order in orders]))
    await _lock(session, Cart, Cart.person_id == guest.id)
    await session.refresh(guest, with_for_update=True)
    # From here on the guest can't place orders; lock those placed in the meantime too.
    await idempotency.move_keys(session, guest.id, person.id, kept_key)
    orders = [*orders, *await _lock_orders(session, guest.id, locked=orders)]
    for order in orders:
        order.customer_id = person.id
    await session.flush()
    order_ids = [order.id for order in orders]
    for model in ORDER_MODELS if order_ids else ():
        await session.execute(
            update(model)
            .where(_belongs_to_orders(model, order_ids))
            .values(customer_id=person.id)
            .execution_options(synchronize_session=False)
        )
    await session.execute(
        update(File)
        .where(File.owner_id == guest.id)
        .values(owner_id=person.id)
        .execution_options(synchronize_session=False)
    )
    await carts.merge_carts(session, guest.id, person.id)
    guest.merged_into_id = person.id


async def _lock_orders(
    session: AsyncSession, customer_id: UUID, locked: Sequence[Order] = ()
) -> list[Order]:
    """Lock a customer's orders in the order of their ids, except those already locked."""
    rows = await session.scalars(
        select(Order)
        .where(Order.customer_id == customer_id, Order.id.not_in([order.id for order in locked]))
        .order_by(Order.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def _lock(session: AsyncSession, model: type[Entity], condition: ColumnElement[bool]) -> None:
    await session.execute(select(model.id).where(condition).order_by(model.id).with_for_update())


def _belongs_to_orders(model: Any, order_ids: Sequence[UUID]) -> Any:
    """Build the condition that a row belongs to one of the orders, directly or by its parent."""
    if hasattr(model, "order_id"):
        return model.order_id.in_(order_ids)
    parent, foreign_key = PARENT_LINKS[model]
    return foreign_key.in_(select(parent.id).where(parent.order_id.in_(order_ids)))


PARENT_LINKS: dict[Any, tuple[Any, Any]] = {
    FulfillmentLine: (Fulfillment, FulfillmentLine.fulfillment_id),
    TicketMessage: (Ticket, TicketMessage.ticket_id),
}
