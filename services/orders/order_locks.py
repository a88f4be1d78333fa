"""Locks of orders.

Every change of an order, its payment, its fulfillments or its deliveries locks the order's row
first, so that all changes of one order are serial.
"""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import Entity
from database.statements import prepared
from models.orders import Order
from services.core.problems import not_found

LOCK_ORDER = prepared(
    select(Order)
    .where(Order.id == bindparam("key"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


async def lock(session: AsyncSession, order_id: UUID) -> Order:
    """The order, locked and read again. Raises DomainError: NotFound."""
    order = await session.scalar(LOCK_ORDER, {"key": order_id})
    if order is None:
        raise not_found(Order, "orderId")
    return order


async def lock_by_child(
    session: AsyncSession, child_model: type[Entity], key: UUID, *path: str
) -> Order:
    """The locked order of one of its rows (a fulfillment, a delivery).

    Raises DomainError: NotFound, which names the child.
    """
    order: Order | None = await session.scalar(_lock_by_child(child_model), {"key": key})
    if order is None:
        raise not_found(child_model, *path)
    return order


@cache
def _lock_by_child(child_model: Any) -> Select[Order]:
    order_id = (
        select(child_model.order_id).where(child_model.id == bindparam("key")).scalar_subquery()
    )
    return prepared(
        select(Order)
        .where(Order.id == order_id)
        .with_for_update(of=Order)
        .execution_options(populate_existing=True)
    )
