"""What happened to an order, in order, as the people of the order are told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Text, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Event, EventType, Order
from models.light import kept
from services import cursor as cursors
from services.event import order_stream
from services.page import Page, bounded, cursor, page

EVENTS = kept(
    select(Event.seq, Event.type, Event.body, Event.at)
    .where(
        Event.stream == bindparam("stream_of_order", type_=Text),
        Event.seq > bindparam("beyond", type_=BigInteger),
    )
    .order_by(Event.seq)
    .limit(bindparam("most", type_=Integer))
)


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One event of an order's stream; facts that are not the customer's business stay out."""

    order_id: UUID
    seq: int
    type: EventType
    at: datetime
    currency: str
    amount_minor: int | None = None
    reason: str | None = None

    @property
    def key(self) -> list[str | int]:
        """What its cursor holds: its place in the order's stream, as listeners are told it."""
        return cursors.parts({order_stream(self.order_id): cursors.place_of(self.seq, self.at)})

    @property
    def cursor(self) -> str:
        return cursor(*self.key)


async def of_order(
    session: AsyncSession, order: Order, first: int, start: str | None = None
) -> Page[OrderEvent]:
    """A page of what happened to the order, the oldest first."""
    bounded(first)
    stream = order_stream(order.id)
    beyond = cursors.decode(start, [stream]) if start is not None else None
    seq = beyond[stream].seq if beyond is not None else 0
    found = await session.execute(
        EVENTS, {"stream_of_order": stream, "beyond": seq, "most": first + 1}
    )
    told = [told_of(order, *row) for row in found]
    return page(told, first, lambda event: event.key)


def told_of(order: Order, seq: int, type: str, body: dict[str, Any], at: datetime) -> OrderEvent:
    """The event as it is told; amounts are minor units of the order's currency."""
    amount = body.get("amount_minor", body.get("total_minor"))
    reason = body.get("reason")
    return OrderEvent(order.id, seq, EventType(type), at, order.currency, amount, reason)
