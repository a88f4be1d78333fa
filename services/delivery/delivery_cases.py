"""Cases that a delivery opens for support, and their end with their cause."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import Delivery
from models.orders import Order
from models.support import TicketKind
from services.orders.support_cases import close_case, open_case

CASE_KINDS = (
    TicketKind.NO_RIDER,
    TicketKind.RIDER_SILENT,
    TicketKind.RIDER_RELEASED,
    TicketKind.DELIVERY_OVERDUE,
)


async def open_delivery_case(
    session: AsyncSession, order: Order, delivery: Delivery, kind: TicketKind, subject: str
) -> None:
    """Open a case about a locked delivery, unless there is one of this kind."""
    details = f"Delivery {delivery.order_code}, {delivery.status}."
    await open_case(session, order, kind, subject, details)
    delivery.has_case = True


async def close_delivery_cases(
    session: AsyncSession, order: Order, delivery: Delivery, resolution: str
) -> None:
    """Resolve the cases about a locked delivery, whose cause has ended."""
    if not delivery.has_case:
        return
    for kind in CASE_KINDS:
        await close_case(session, order, kind, resolution)
    delivery.has_case = False
