"""The substitutes of an order as picking and the put-back need them: their price, and their return.

A module of its own below those two and `substitutions`, so that imports stay acyclic.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import enum_literals
from database.statements import prepared
from models.fulfillment import Substitute, SubstituteStatus
from models.orders import Order
from services.fulfillment.substitute_states import OPEN_STATUSES

_OF_ORDER = Substitute.order_id == bindparam("order")
ACCEPTED_TOTALS = prepared(
    select(Substitute.total_minor).where(_OF_ORDER, Substitute.status == SubstituteStatus.ACCEPTED)
)
RETURN_SUBSTITUTES = prepared(
    update(Substitute)
    .where(_OF_ORDER, Substitute.status.in_(enum_literals(OPEN_STATUSES)))
    .values(status=SubstituteStatus.RETURNED, due_at=None)
    .returning(
        Substitute.fulfillment_line_id,
        Substitute.product_id,
        Substitute.name,
        Substitute.quantity,
    )
    .execution_options(synchronize_session=False)
)


async def accepted_total_minor(session: AsyncSession, order: Order) -> int:
    """The price of the accepted substitutes in minor units."""
    return sum(await session.scalars(ACCEPTED_TOTALS, {"order": order.id}))


async def return_substitutes(session: AsyncSession, order: Order) -> Sequence[Any]:
    """Mark the open substitutes of a canceled order as returned.

    Returns rows of fulfillment line, product, name and units: they are in the bags.
    """
    return (await session.execute(RETURN_SUBSTITUTES, {"order": order.id})).all()
