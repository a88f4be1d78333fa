"""Names of event streams, and functions that record events.

A recorded event is numbered and stored when its transaction ends.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.write_session import append_event
from models.events import OrderEventKind
from models.orders import Order

Body = dict[str, Any]


def order_stream(order_id: UUID) -> str:
    """Events of one order, its payment, fulfillment and delivery."""
    return f"order:{order_id}"


def store_queue_stream(store_id: UUID) -> str:
    """Changes of the fulfillments of one store."""
    return f"queue:{store_id}"


def inventory_stream(store_id: UUID) -> str:
    """Changes of stock, price and availability in one store."""
    return f"inventory:{store_id}"


def catalog_stream(company_id: UUID) -> str:
    """Changes of a company's products, independent of stores."""
    return f"catalog:{company_id}"


def alert_stream(store_id: UUID) -> str:
    """Stock alerts of one store."""
    return f"alerts:{store_id}"


def audit_stream(store_id: UUID) -> str:
    """Findings of stock audits in one store."""
    return f"audit:{store_id}"


def supply_stream(store_id: UUID) -> str:
    """Purchase orders of one store and their receipts."""
    return f"supply:{store_id}"


def rider_stream(rider_id: UUID) -> str:
    """Shifts, offers and deliveries of one rider: of a person in one company."""
    return f"rider:{rider_id}"


def ticket_stream(ticket_id: UUID) -> str:
    """Messages and changes of one ticket."""
    return f"ticket:{ticket_id}"


def support_stream(company_id: UUID | None) -> str:
    """Tickets of one company's support queue; without a company those of all companies."""
    return f"support:{company_id or 'platform'}"


def transfers_stream(store_id: UUID) -> str:
    """Stock transfers to and from one store."""
    return f"transfers:{store_id}"


def counts_stream(store_id: UUID) -> str:
    """Stock counts of one store."""
    return f"counts:{store_id}"


def import_stream(import_id: UUID) -> str:
    """Progress of one stock import."""
    return f"import:{import_id}"


def file_stream(file_id: UUID) -> str:
    """Changes of one file that somebody sends."""
    return f"file:{file_id}"


def webhook_stream(endpoint_id: UUID) -> str:
    """Status changes of one webhook endpoint."""
    return f"webhook:{endpoint_id}"


def invitation_stream(invitation_id: UUID) -> str:
    """Changes of one invitation to a role."""
    return f"invitation:{invitation_id}"


def record_event(
    session: AsyncSession, stream: str, type: str, body: Body, *, company_id: UUID | None
) -> None:
    """Record an event of `stream`; body values are JSON values, UUIDs, datetimes or enums."""
    append_event(
        session, stream, type, {name: _plain(value) for name, value in body.items()}, company_id
    )


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def record_order_event(
    session: AsyncSession,
    order: Order,
    type: OrderEventKind,
    queue_store_id: UUID | None = None,
    **facts: Any,
) -> None:
    """Record an event of an order, and also in the queue stream of `queue_store_id`, if given."""
    body = {"order_id": order.id, "store_id": order.store_id, **facts}
    record_event(session, order_stream(order.id), type, body, company_id=order.company_id)
    if queue_store_id is not None:
        record_event(
            session, store_queue_stream(queue_store_id), type, body, company_id=order.company_id
        )
