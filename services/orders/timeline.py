"""What happened to an order, in order, as the people of the order are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Select, Text, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.events import Event, EventType
from models.orders import Order
from services.core import cursors
from services.core.pages import Page, bounded, cursor, page
from services.events.event_log import order_stream
from services.events.partitions import since

DAYS_KEPT = 400
GIVEN = func.unnest(
    bindparam("streams", type_=ARRAY(Text)),
    bindparam("beyonds", type_=ARRAY(BigInteger)),
    bindparam("mosts", type_=ARRAY(Integer)),
)
ASKED = GIVEN.table_valued("stream", "beyond", "most", with_ordinality="place").render_derived(
    "asked"
)
Told = tuple[int, str, dict[str, Any], datetime]
"""An event's number, type, body and moment."""


@lru_cache(DAYS_KEPT)
def _of_one(day: date) -> Select[Any]:
    """The events of one order that was placed on a day, or later."""
    return kept(
        select(Event.seq, Event.type, Event.body, Event.at)
        .where(
            Event.stream == bindparam("stream_of_order", type_=Text),
            Event.seq > bindparam("beyond", type_=BigInteger),
            Event.at >= since(day),
        )
        .order_by(Event.seq)
        .limit(bindparam("most", type_=Integer))
    )


@lru_cache(DAYS_KEPT)
def _of_each(day: date) -> Select[Any]:
    """The events of several orders, none of which was placed before that day."""
    told = (
        select(Event.seq, Event.type, Event.body, Event.at)
        .where(Event.stream == ASKED.c.stream, Event.seq > ASKED.c.beyond, Event.at >= since(day))
        .order_by(Event.seq)
        .limit(ASKED.c.most)
        .lateral("told")
    )
    return kept(
        select(ASKED.c.place, told.c.seq, told.c.type, told.c.body, told.c.at)
        .join_from(ASKED, told, true())
        .order_by(ASKED.c.place, told.c.seq)
    )


class Slice(NamedTuple):
    """A part of one order's stream: the events behind a number, so many at most."""

    order_id: UUID
    beyond: int
    most: int
    placed_on: date


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


def slice_of(order: Order, first: int, start: str | None = None) -> Slice:
    """What a page of the order's events takes, and one more, which proves that others follow."""
    bounded(first)
    stream = order_stream(order.id)
    beyond = cursors.decode(start, [stream]) if start is not None else None
    seq = beyond[stream].seq if beyond is not None else 0
    return Slice(order.id, seq, first + 1, order.placed_at.astimezone(UTC).date())


async def slices(session: AsyncSession, keys: Sequence[Slice]) -> list[list[Told]]:
    """The events of each slice, the oldest first, as far as the log goes back."""
    day = min((one.placed_on for one in keys), default=date.max)
    streams = [order_stream(one.order_id) for one in keys]
    if len(keys) == 1:
        only = {"stream_of_order": streams[0], "beyond": keys[0].beyond, "most": keys[0].most}
        return [[*await session.execute(_of_one(day), only)]]
    given = {
        "streams": streams,
        "beyonds": [one.beyond for one in keys],
        "mosts": [one.most for one in keys],
    }
    found: list[list[Told]] = [[] for _ in keys]
    for place, *told in await session.execute(_of_each(day), given):
        found[place - 1].append(tuple(told))
    return found


def page_of(order: Order, first: int, found: Sequence[Told]) -> Page[OrderEvent]:
    """A page of what happened to the order, the oldest first."""
    return page([told_of(order, *one) for one in found], first, lambda event: event.key)


def told_of(order: Order, seq: int, type: str, body: dict[str, Any], at: datetime) -> OrderEvent:
    """The event as it is told; amounts are minor units of the order's currency."""
    amount = body.get("amount_minor", body.get("total_minor"))
    reason = body.get("reason")
    return OrderEvent(order.id, seq, EventType(type), at, order.currency, amount, reason)
