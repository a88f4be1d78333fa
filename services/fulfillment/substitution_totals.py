"""Substitutes of an order as the rest of the house meets them: in the bag, in the sum, coming back.

A floor of its own below picking and handover, which ask for them.
"""

from collections import Counter
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import words
from database.statements import kept
from models.fulfillment import Substitute, SubstituteStatus
from models.orders import Order

OPEN = (SubstituteStatus.PROPOSED, SubstituteStatus.ACCEPTED)
_OF_ORDER = Substitute.order_id == bindparam("order")
COSTS = kept(
    select(Substitute.total_minor).where(_OF_ORDER, Substitute.status == SubstituteStatus.ACCEPTED)
)
RETURN = kept(
    update(Substitute)
    .where(_OF_ORDER, Substitute.status.in_(words(OPEN)))
    .values(status=SubstituteStatus.RETURNED, due_at=None)
    .returning(Substitute.product_id, Substitute.quantity)
    .execution_options(synchronize_session=False)
)


async def worth(session: AsyncSession, order: Order) -> int:
    """Minor units that the substitutes in the bag cost."""
    return sum(await session.scalars(COSTS, {"order": order.id}))


async def take_out(session: AsyncSession, order: Order) -> Counter[UUID]:
    """Mark every substitute of an order that is off as returned; answers the units to restock."""
    units: Counter[UUID] = Counter()
    for product_id, quantity in await session.execute(RETURN, {"order": order.id}):
        units[product_id] += quantity
    return units
