"""Refunds that support issues for an order."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.orders import OrderAction
from models.payments import Refund, RefundReason
from services.orders import order_states
from services.payments import payment_states, payments


async def issue_refund(
    session: AsyncSession,
    *,
    actor: Actor,
    order_id: UUID,
    amount_minor: int,
    reason: RefundReason,
    note: str = "",
) -> Refund:
    """Request the refund of a part of the captured amount, for support only.

    Raises DomainError: NotFound (also for customers), InvalidTransition, InvalidInput,
    RefundExceedsCaptured.
    """
    order = await order_states.begin(
        session, actor, order_id, OrderAction.REFUND, unless_paid=payment_states.CAPTURED_STATUSES
    )
    return await payments.request_refund(
        session, order, amount_minor, reason, note, None, actor.person_id
    )
