"""Cases that the system opens for support: an order needs a person, and nobody has complained.

A case is an internal ticket: it is in the support queue, and the customer does not see it. It is
opened and closed here, below the domains that need it.
"""

from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.orders import Order, OrderStatus
from models.support import Ticket, TicketCategory, TicketPriority, TicketStatus
from services.core.clock import current_time
from services.orders.ticket_states import MACHINE, record_change, record_ticket_event

MAX_SUBJECT_LENGTH = 120

# Written exactly as in the partial index, so that generic plans of prepared statements use it.
UNRESOLVED_CASE = prepared(
    select(Ticket)
    .where(
        Ticket.order_id == bindparam("order"),
        Ticket.category == bindparam("kind"),
        Ticket.cause_id == bindparam("cause"),
        text("internal and status <> 'RESOLVED'"),
    )
    .execution_options(populate_existing=True)
)


async def open_case(
    session: AsyncSession,
    order: Order,
    kind: TicketCategory,
    subject: str,
    details: str = "",
    *,
    cause_id: UUID | None = None,
) -> tuple[Ticket, bool]:
    """The unresolved case of this kind for a locked order, and whether it was opened now.

    `cause_id` is the row that needs a person: each of an order has a case of its own. Without it
    the order is meant. `subject` is one line for agents, `details` what the system knows besides.
    Cases of orders in progress are URGENT. The session must see the rows of the order's company.
    """
    case = await _unresolved_case(session, order, kind, cause_id)
    if case is not None:
        return case, False
    in_progress = order.status is OrderStatus.CONFIRMED
    case = Ticket(
        order_id=order.id,
        company_id=order.company_id,
        customer_id=order.customer_id,
        internal=True,
        cause_id=cause_id or order.id,
        category=kind,
        priority=TicketPriority.URGENT if in_progress else TicketPriority.HIGH,
        subject=subject[:MAX_SUBJECT_LENGTH],
        details=details,
    )
    session.add(case)
    await session.flush()
    record_ticket_event(session, case, "TICKET_OPENED")
    return case, True


async def close_case(
    session: AsyncSession,
    order: Order,
    kind: TicketCategory,
    resolution: str,
    *,
    cause_id: UUID | None = None,
) -> bool:
    """Resolve the case of this kind and cause for a locked order; False when there is none.

    Called when its cause has ended without a person.
    """
    case = await _unresolved_case(session, order, kind, cause_id)
    if case is None:
        return False
    case = await MACHINE.lock(session, case.id)
    if case.status is TicketStatus.RESOLVED:
        return False
    MACHINE.move(case, TicketStatus.RESOLVED)
    case.resolution, case.resolved_at = resolution, await current_time(session)
    await record_change(session, case, "TICKET_RESOLVED")
    return True


async def _unresolved_case(
    session: AsyncSession, order: Order, kind: TicketCategory, cause_id: UUID | None
) -> Ticket | None:
    values = {"order": order.id, "kind": kind, "cause": cause_id or order.id}
    case: Ticket | None = await session.scalar(UNRESOLVED_CASE, values)
    return case
