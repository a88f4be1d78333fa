"""What happened to an order, in order, as the people of the order are told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Event, EventType, Order
from services.event import order_stream
from services.page import Page, after, bounded, cursor, page


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One event of an order's stream; facts that are not the customer's business stay out."""

    seq: int
    type: EventType
    at: datetime
    currency: str
    amount_minor: int | None = None
    reason: str | None = None

    @property
    def cursor(self) -> str:
        return cursor(self.seq)


async def of_order(
    session: AsyncSession, order: Order, first: int, start: str | None = None
) -> Page[OrderEvent]:
    """A page of what happened to the order, the oldest first."""
    bounded(first)
    rows = select(Event).where(Event.stream == order_stream(order.id)).order_by(Event.seq)
    beyond = after(start, int)
    if beyond is not None:
        rows = rows.where(Event.seq > beyond[0])
    found = (await session.scalars(rows.limit(first + 1))).all()
    told = [told_of(row.seq, row.type, row.body, row.at, order.currency) for row in found]
    return page(told, first, lambda event: [event.seq])


def told_of(seq: int, type: str, body: dict[str, Any], at: datetime, currency: str) -> OrderEvent:
    """The event as it is told; amounts are minor units of the order's currency."""
    amount = body.get("amount_minor", body.get("total_minor"))
    return OrderEvent(seq, EventType(type), at, currency, amount, body.get("reason"))
