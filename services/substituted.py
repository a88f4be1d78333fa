"""Substitutes of an order as the rest of the house meets them: in the bag, in the sum, coming back.

A floor of its own below picking and handover, which ask for them.
"""

from collections import Counter
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Order, Substitute, SubstituteStatus

OPEN = (SubstituteStatus.PROPOSED, SubstituteStatus.ACCEPTED)


async def worth(session: AsyncSession, order: Order) -> int:
    """Minor units that the substitutes in the bag cost."""
    rows = await session.scalars(
        select(Substitute.total_minor).where(
            Substitute.order_id == order.id, Substitute.status == SubstituteStatus.ACCEPTED
        )
    )
    return sum(rows)


async def take_out(session: AsyncSession, order: Order) -> Counter[UUID]:
    """Mark every substitute of an order that is off as returned; answers the units to restock."""
    returned = (
        update(Substitute)
        .where(Substitute.order_id == order.id, Substitute.status.in_(OPEN))
        .values(status=SubstituteStatus.RETURNED, due_at=None)
        .returning(Substitute.product_id, Substitute.quantity)
        .execution_options(synchronize_session=False)
    )
    units: Counter[UUID] = Counter()
    for product_id, quantity in await session.execute(returned):
        units[product_id] += quantity
    return units
