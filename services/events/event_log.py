"""Streams and their names. A verb records; the unit of work numbers and stores at its end."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.outbox import record
from models.events import EventType
from models.orders import Order

Body = dict[str, Any]


def order_stream(order_id: UUID) -> str:
    """All that happens to one order, its payment, fulfillment and delivery."""
    return f"order:{order_id}"


def store_queue_stream(store_id: UUID) -> str:
    """Changes of the fulfillments of one store."""
    return f"queue:{store_id}"


def inventory_stream(store_id: UUID) -> str:
    """Changes of stock, price and availability in one store."""
    return f"inventory:{store_id}"


def catalog_stream(company_id: UUID) -> str:
    """Changes of a company's products themselves, whatever store sells them."""
    return f"catalog:{company_id}"


def alert_stream(store_id: UUID) -> str:
    """Stock alerts of one store."""
    return f"alerts:{store_id}"


def audit_stream(store_id: UUID) -> str:
    """What audits of one store's books found."""
    return f"audit:{store_id}"


def supply_stream(store_id: UUID) -> str:
    """Orders of one store to its suppliers, and what came of them."""
    return f"supply:{store_id}"


def rider_stream(person_id: UUID) -> str:
    """Offers and deliveries of one rider, by the rider's person."""
    return f"rider:{person_id}"


def ticket_stream(ticket_id: UUID) -> str:
    """Messages and changes of one ticket."""
    return f"ticket:{ticket_id}"


def support_stream(company_id: UUID | None) -> str:
    """Tickets of one company as its support desk sees them; of all, as the platform's desk does."""
    return f"support:{company_id or 'platform'}"


def transfers_stream(store_id: UUID) -> str:
    """Goods on their way to a store or from it."""
    return f"transfers:{store_id}"


def counts_stream(store_id: UUID) -> str:
    """Cycle counts of one store."""
    return f"counts:{store_id}"


def import_stream(import_id: UUID) -> str:
    """How far the import of one file is."""
    return f"import:{import_id}"


def webhook_stream(endpoint_id: UUID) -> str:
    """What becomes of one endpoint of a third party."""
    return f"webhook:{endpoint_id}"


def happened(
    session: AsyncSession, stream: str, type: str, body: Body, *, company_id: UUID | None
) -> None:
    """Record an event of `stream`; values must be plain or UUID, datetime, enum."""
    record(session, stream, type, {k: _plain(v) for k, v in body.items()}, company_id)


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def order_happened(
    session: AsyncSession, order: Order, type: EventType, queue: UUID | None = None, **facts: Any
) -> None:
    """Record an event of one order, and of a store's queue when the store `queue` sees it too."""
    body = {"order_id": order.id, "store_id": order.store_id, **facts}
    happened(session, order_stream(order.id), type, body, company_id=order.company_id)
    if queue is not None:
        happened(session, store_queue_stream(queue), type, body, company_id=order.company_id)
