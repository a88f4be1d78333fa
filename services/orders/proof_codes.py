"""Codes that prove a handover: the customer's PIN, and those that a store shows to riders.

Somebody who knows one code of an order must not pass with it where another one is asked for, so all
codes of an order differ. The tries of a code are counted with the code, whoever makes them, and
begin anew with a new code alone.
"""

import secrets
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, CompoundSelect, bindparam, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.delivery import Delivery
from models.fulfillment import Fulfillment
from models.orders import Order

CODE_DIGITS = 4
_ORDER_ID: BindParameter[UUID] = bindparam("order")
CODES_OF_STORES: CompoundSelect[Any] = prepared(
    union_all(
        select(Fulfillment.handover_code).where(Fulfillment.order_id == _ORDER_ID),
        select(Delivery.return_code).where(
            Delivery.order_id == _ORDER_ID, Delivery.return_code.is_not(None)
        ),
    )
)


def new_code(*known_codes: str) -> str:
    """A random code that differs from those that are known already."""
    while True:
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        if code not in known_codes:
            return code


async def new_code_of_order(session: AsyncSession, order: Order) -> str:
    """A random code that differs from all codes that the order has."""
    await session.flush()
    known_codes = (await session.scalars(CODES_OF_STORES, {"order": order.id})).all()
    return new_code(order.delivery_pin, *known_codes)
