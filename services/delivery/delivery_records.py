"""What is recorded of a delivery: events, and cases that support gets until their cause ends."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import Delivery
from models.events import OrderEventKind
from models.identity import Actor
from models.message_text import words_text
from models.orders import Order
from models.support import TicketCategory
from services.events.event_log import record_event, record_order_event, rider_stream
from services.orders.support_cases import close_case, open_case

CASE_KINDS = (
    TicketCategory.NO_RIDER,
    TicketCategory.RIDER_SILENT,
    TicketCategory.RIDER_RELEASED,
    TicketCategory.DELIVERY_OVERDUE,
)


@dataclass(frozen=True, slots=True)
class LockedDelivery:
    """A delivery whose order is locked, who takes a step with it, and the time of locking.

    `by_rider`: the rider takes a step that is open to riders now. A rider who also works for the
    store or in support takes all others as such, with a reason.
    """

    order: Order
    delivery: Delivery
    actor: Actor
    now: datetime
    by_rider: bool

    def record_change(self, session: AsyncSession, type: OrderEventKind, **facts: object) -> None:
        """Append an event to the streams of the order, the store's queue and the rider."""
        record_change(session, self.order, self.delivery, type, **facts)


def record_change(
    session: AsyncSession, order: Order, delivery: Delivery, type: OrderEventKind, **facts: object
) -> None:
    """Append an event to the streams of the order, the store's queue and the rider."""
    body = {"delivery_id": delivery.id, "delivery_status": delivery.status, **facts}
    record_order_event(session, order, type, queue_store_id=delivery.store_id, **body)
    if delivery.rider_id is not None:
        record_rider_change(session, delivery.rider_id, delivery)


def record_rider_change(session: AsyncSession, rider_id: UUID, delivery: Delivery) -> None:
    """Append the present status of a delivery to the stream of a rider."""
    body = {"delivery_id": delivery.id, "delivery_status": delivery.status}
    stream = rider_stream(rider_id)
    record_event(session, stream, "DELIVERY_CHANGED", body, company_id=delivery.company_id)


async def open_delivery_case(
    session: AsyncSession, order: Order, delivery: Delivery, kind: TicketCategory, subject: str
) -> bool:
    """Open a case about a locked delivery, unless there is one of this kind; whether it was."""
    details = f"Delivery {delivery.order_code}, {words_text(delivery.status)}."
    _, is_new = await open_case(session, order, kind, subject, details)
    delivery.has_case = True
    return is_new


async def close_delivery_cases(
    session: AsyncSession, order: Order, delivery: Delivery, resolution: str
) -> None:
    """Resolve the cases about a locked delivery, whose cause has ended."""
    if not delivery.has_case:
        return
    for kind in CASE_KINDS:
        await close_case(session, order, kind, resolution)
    delivery.has_case = False
