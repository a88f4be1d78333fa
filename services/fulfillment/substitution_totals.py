"""The substitutes of an order as picking and the put-back need them: their price, and their return.

A module of its own below those two and `substitutions`, so that imports stay acyclic.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import enum_literals
from database.statements import prepared
from models.catalog import Product
from models.fulfillment import Substitution, SubstitutionStatus
from models.orders import Order
from services.fulfillment.substitute_states import OPEN_STATUSES

_OF_ORDER = Substitution.order_id == bindparam("order")
ACCEPTED_TOTALS = prepared(
    select(Substitution.total_minor, Product.age_restricted)
    .outerjoin(Product, Product.id == Substitution.product_id)
    .where(_OF_ORDER, Substitution.status == SubstitutionStatus.ACCEPTED)
)
RETURN_SUBSTITUTES = prepared(
    update(Substitution)
    .where(_OF_ORDER, Substitution.status.in_(enum_literals(OPEN_STATUSES)))
    .values(status=SubstitutionStatus.RETURNED, answer_due_at=None)
    .returning(
        Substitution.fulfillment_line_id,
        Substitution.product_id,
        Substitution.name,
        Substitution.quantity,
    )
    .execution_options(synchronize_session=False)
)


async def accepted_totals(session: AsyncSession, order: Order) -> tuple[int, bool]:
    """Price of the accepted substitutes in minor units; whether one isn't sold to minors now."""
    rows = (await session.execute(ACCEPTED_TOTALS, {"order": order.id})).all()
    return sum(row.total_minor for row in rows), any(row.age_restricted for row in rows)


async def return_substitutes(session: AsyncSession, order: Order) -> Sequence[Any]:
    """Mark the open substitutes of a canceled order as returned.

    Returns rows of fulfillment line, product, name and units: they are in the bags.
    """
    return (await session.execute(RETURN_SUBSTITUTES, {"order": order.id})).all()
