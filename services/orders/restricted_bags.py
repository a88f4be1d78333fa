"""Bags of a product that became age-restricted after it was packed.

The restriction counts until the bags are handed over. It is asked for at the door and in the hand-
over itself, and not when the product changes: that would lock every order that holds it.
"""

from typing import Any

from sqlalchemy import bindparam, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import NamedEnum
from database.statements import prepared
from models.catalog import MINIMUM_AGE, Product
from models.fulfillment import Substitution, SubstitutionStatus
from models.identity import Actor
from models.orders import Order, OrderLine
from services.core.problems import CommittedDomainError, DomainError
from services.core.state_machine import StateMachine

RESTRICTED = prepared(
    select(
        or_(
            exists().where(
                OrderLine.order_id == bindparam("order"),
                OrderLine.packed_quantity > 0,
                Product.id == OrderLine.product_id,
                Product.age_restricted,
            ),
            exists().where(
                Substitution.order_id == bindparam("order"),
                Substitution.status == SubstitutionStatus.ACCEPTED,
                Product.id == Substitution.product_id,
                Product.age_restricted,
            ),
        )
    )
)


async def ask_for_age(session: AsyncSession, order: Order, row: Any) -> bool:
    """Have the age checked for a delivery or a fulfillment (`row`) if its bags take it by now.

    Returns whether that is new. The order is locked.
    """
    if order.minimum_age is not None:
        return False
    if not await session.scalar(RESTRICTED, {"order": order.id}):
        return False
    order.minimum_age = row.minimum_age = MINIMUM_AGE
    order.version += 1
    row.version += 1
    return True


async def require_age(
    session: AsyncSession,
    order: Order,
    row: Any,
    machine: StateMachine[Any, Any, Any],
    actor: Actor,
    action: NamedEnum,
) -> None:
    """Refuse a hand-over whose bags take a check of the age that nobody has asked for before.

    The refusal names the actions that `actor` may take now. Raises CommittedDomainError:
    InvalidTransition, so that the check can be recorded from now on.
    """
    if await ask_for_age(session, order, row):
        try:
            machine.check(row, actor, action)
        except DomainError as refusal:
            raise CommittedDomainError(*refusal.problems) from None
