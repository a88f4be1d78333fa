"""Reopens an order that was completed although its customer has not got the bags.

The events stay: another one compensates them. Money and stock stay as they are, since the goods
were sold and paid for, until the bags are handed over or come back. An order that was canceled is
not reopened: its payment is given back and its units are on sale, so the customer orders anew.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.orders import FulfillmentMethod, Order, OrderAction, OrderReopenReason
from services.core.problems import DomainError, InvalidInput
from services.core.text import parse_line
from services.delivery.delivery_reopen import reopen_delivery
from services.fulfillment.pickups import reopen_pickup
from services.orders import order_states
from services.orders.proof_codes import new_code_of_order

MAX_NOTE_LENGTH = 500


async def reopen_order(
    session: AsyncSession,
    *,
    actor: Actor,
    order_id: UUID,
    reason: OrderReopenReason,
    note: str = "",
    expected_version: int | None = None,
) -> Order:
    """Reopen a completed order within REOPEN_SECONDS: its bags are on the way, or to be collected.

    For support, never for the own order. The customer gets a new code, as the former one proves
    nothing any more. Raises DomainError: NotFound (also for people who never do it),
    InvalidTransition, VersionConflict, InvalidInput.
    """
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    order = await order_states.begin(session, actor, order_id, OrderAction.REOPEN)
    order_states.MACHINE.check_version(order, expected_version)
    if reason is OrderReopenReason.OTHER and not note:
        message = "Write why the order is reopened."
        raise DomainError(InvalidInput(path=["input", "note"], message=message))
    await order_states.mark_reopened(session, order, reason, note)
    order.delivery_pin = await new_code_of_order(session, order)
    await session.flush()
    if order.method is FulfillmentMethod.PICKUP:
        await reopen_pickup(session, order)
    else:
        await reopen_delivery(session, order)
    return order
