"""Orders as their customers read them, and the codes that an order is given."""

import secrets
from collections.abc import Set
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Uuid, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.read_pool import read_rows
from database.statements import prepared
from models.orders import Order
from services.core import pages
from services.core.problems import not_found

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # without letters and digits that look alike
CODE_LENGTH = 8

_ORDERS_OF_CUSTOMER = (
    select(Order)
    .where(Order.customer_id == bindparam("customer", type_=Uuid))
    .order_by(Order.id.desc())
    .limit(bindparam("row_limit", type_=Integer))
)
NEWEST_ORDERS = prepared(_ORDERS_OF_CUSTOMER)
NEWEST_ORDERS_BEFORE = prepared(
    _ORDERS_OF_CUSTOMER.where(Order.id < bindparam("before_id", type_=Uuid))
)


async def visible_order(session: AsyncSession, order_id: UUID) -> Order:
    """The order as the session's scope may see it. Raises DomainError: NotFound."""
    order = await session.get(Order, order_id)
    if order is None:
        raise not_found(Order, "id")
    return order


async def orders_of_customer(
    session: AsyncSession,
    customer_id: UUID,
    first: int,
    after: str | None,
    needed: Set[str] | None = None,
) -> pages.Page[Order]:
    """A page of a customer's orders, the newest first, with no more columns than needed."""
    row_limit = pages.check_page_size(first) + 1
    parameters: dict[str, Any] = {"customer": customer_id, "row_limit": row_limit}
    start = pages.decode_cursor(after, Order.id)
    statement = NEWEST_ORDERS
    if start is not None:
        statement, parameters["before_id"] = NEWEST_ORDERS_BEFORE, start[0]
    orders = await read_rows(session, statement, parameters, needed)
    return pages.build_page(orders, first, after, lambda order: [str(order.id)])


def generate_code() -> str:
    """A random short code that people can read out."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
