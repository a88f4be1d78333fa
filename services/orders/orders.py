"""An order's own machine: locked, moved along one table of steps, and told to its stream."""

import secrets
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Select, Uuid, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Keyed
from database.statements import kept
from models.events import EventType
from models.orders import CancelReason, Order, OrderStatus
from models.stock import HoldStatus
from services.core import pages
from services.core.clock import moment
from services.core.problems import IllegalStep, Refused, not_found
from services.events.event_log import order_happened
from services.stock import reservations

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that is read as something else
CODE_LENGTH = 8
PIN_DIGITS = 4
PAY_WITHIN_SECONDS = 480

NEXT: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PLACED: frozenset(
        {
            OrderStatus.CONFIRMED,
            OrderStatus.EXPIRED,
            OrderStatus.PAYMENT_FAILED,
            OrderStatus.CANCELED,
        }
    ),
    OrderStatus.CONFIRMED: frozenset({OrderStatus.COMPLETED, OrderStatus.CANCELED}),
}
LOCKED = kept(
    select(Order)
    .where(Order.id == bindparam("key"))
    .with_for_update()
    .execution_options(populate_existing=True)
)

_OWN = (
    select(Order)
    .where(Order.customer_id == bindparam("customer", type_=Uuid))
    .order_by(Order.id.desc())
    .limit(bindparam("most", type_=Integer))
)
NEWEST = kept(_OWN)
NEWEST_BEYOND = kept(_OWN.where(Order.id < bindparam("beyond", type_=Uuid)))


async def lock(session: AsyncSession, order_id: UUID) -> Order:
    """The order, locked before anything else that belongs to it; refused as not found."""
    found = await session.scalar(LOCKED, {"key": order_id})
    if found is None:
        raise not_found(Order, "orderId")
    return found


async def lock_of(session: AsyncSession, child: type[Keyed], key: UUID, *path: str) -> Order:
    """The order of one of its rows (a fulfillment, a delivery), locked as `lock` locks it."""
    found = await session.scalar(_locked_of(child), {"key": key})
    if found is None:
        raise not_found(child, *path)
    return found


@cache
def _locked_of(child: Any) -> Select[Order]:
    order_id = select(child.order_id).where(child.id == bindparam("key")).scalar_subquery()
    return kept(
        select(Order)
        .where(Order.id == order_id)
        .with_for_update(of=Order)
        .execution_options(populate_existing=True)
    )


async def visible(session: AsyncSession, order_id: UUID) -> Order:
    """The order as the session's scope may see it; refused as not found."""
    found = await session.get(Order, order_id)
    if found is None:
        raise not_found(Order, "id")
    return found


async def mark_confirmed(session: AsyncSession, order: Order) -> None:
    """The money is held: the store may begin."""
    _step(order, OrderStatus.CONFIRMED)
    order.confirmed_at = await moment(session)
    order_happened(session, order, EventType.ORDER_CONFIRMED)


async def mark_completed(session: AsyncSession, order: Order) -> None:
    """The groceries are handed over at the door."""
    _step(order, OrderStatus.COMPLETED)
    order.completed_at = await moment(session)
    order_happened(session, order, EventType.ORDER_COMPLETED, queue=order.store_id)


async def mark_canceled(
    session: AsyncSession, order: Order, reason: CancelReason, note: str = ""
) -> None:
    """The order is off; what follows for money, stock and rides is the caller's to do."""
    was = order.status
    _step(order, OrderStatus.CANCELED)
    order.cancel_reason = reason
    order.cancel_note = note
    order.canceled_at = await moment(session)
    queue = order.store_id if was is OrderStatus.CONFIRMED else None
    order_happened(session, order, EventType.ORDER_CANCELED, queue=queue, reason=reason)


async def mark_expired(session: AsyncSession, order: Order) -> None:
    """Nobody paid in time: the order ends and what it holds goes back."""
    _step(order, OrderStatus.EXPIRED)
    await reservations.release(session, [order.id], HoldStatus.EXPIRED)
    order_happened(session, order, EventType.ORDER_EXPIRED)


async def mark_payment_failed(session: AsyncSession, order: Order, message: str) -> None:
    """It can't be paid any more: the order ends and what it holds goes back."""
    _step(order, OrderStatus.PAYMENT_FAILED)
    await reservations.release(session, [order.id])
    order_happened(session, order, EventType.PAYMENT_FAILED, final=True, failure=message)


def _step(order: Order, to: OrderStatus) -> None:
    """Move along the table; a step that isn't there is refused with those that are."""
    legal = NEXT.get(order.status, frozenset())
    if to not in legal:
        message = f"An order that is {order.status} can't become {to}."
        raise Refused(IllegalStep(message=message, state=order.status, legal=sorted(legal)))
    order.status = to
    order.due_at = None
    order.version += 1


def new_code() -> str:
    """A short code that people can read out."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


def new_pin() -> str:
    """What the customer tells the rider at the door."""
    return f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"


async def of_customer(
    session: AsyncSession, customer_id: UUID, first: int, after: str | None
) -> pages.Page[Order]:
    """A customer's orders, the newest first, a keyset page at a time."""
    asked = {"customer": customer_id, "most": pages.bounded(first) + 1}
    beyond = pages.after(after, UUID)
    if beyond is None:
        found = await session.scalars(NEWEST, asked)
    else:
        found = await session.scalars(NEWEST_BEYOND, asked | {"beyond": beyond[0]})
    return pages.page(found.all(), first, lambda order: [str(order.id)])
