"""Reads the events of orders as their customers and stores see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Select, Text, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.events import Event, OrderEventKind
from models.identity import Actor
from models.orders import Order
from services.core import cursors
from services.core.pages import Page, build_page, check_page_size, encode_cursor
from services.events.event_log import order_stream
from services.events.partitions import day_start
from services.orders import event_facts
from services.orders.event_facts import AMOUNTS, REASONS, may_read

MAX_CACHED_DAYS = 400
SLICE_ARRAYS = func.unnest(
    bindparam("streams", type_=ARRAY(Text)),
    bindparam("after_seqs", type_=ARRAY(BigInteger)),
    bindparam("limits", type_=ARRAY(Integer)),
)
SLICES = SLICE_ARRAYS.table_valued(
    "stream", "after_seq", "row_limit", with_ordinality="place"
).render_derived("slice")
TimelineRow = tuple[int, str, dict[str, Any], datetime]
"""An event's sequence number, type, body and time."""


@lru_cache(MAX_CACHED_DAYS)
def _of_one(day: date) -> Select[Any]:
    """The events of one order, placed on this day or later."""
    return prepared(
        select(Event.seq, Event.type, Event.body, Event.at)
        .where(
            Event.stream == bindparam("stream_of_order", type_=Text),
            Event.seq > bindparam("after_seq", type_=BigInteger),
            Event.at >= day_start(day),
        )
        .order_by(Event.seq)
        .limit(bindparam("row_limit", type_=Integer))
    )


@lru_cache(MAX_CACHED_DAYS)
def _of_each(day: date) -> Select[Any]:
    """The events of several orders, none of which was placed before this day."""
    events = (
        select(Event.seq, Event.type, Event.body, Event.at)
        .where(
            Event.stream == SLICES.c.stream,
            Event.seq > SLICES.c.after_seq,
            Event.at >= day_start(day),
        )
        .order_by(Event.seq)
        .limit(SLICES.c.row_limit)
        .lateral("events")
    )
    return prepared(
        select(SLICES.c.place, events.c.seq, events.c.type, events.c.body, events.c.at)
        .join_from(SLICES, events, true())
        .order_by(SLICES.c.place, events.c.seq)
    )


class TimelineSlice(NamedTuple):
    """A part of one order's stream: at most `limit` events after a sequence number."""

    order_id: UUID
    after_seq: int
    limit: int
    placed_on: date


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One event of an order's stream, with the facts that one reader may read."""

    order_id: UUID
    seq: int
    type: OrderEventKind
    occurred_at: datetime
    currency: str
    amount_minor: int | None = None
    reason: str | None = None

    @property
    def cursor_parts(self) -> list[str | int]:
        """The values in the event's cursor: its position in the order's stream."""
        return cursors.cursor_values(
            {order_stream(self.order_id): cursors.position_after(self.seq, self.occurred_at)}
        )

    @property
    def cursor(self) -> str:
        return encode_cursor(*self.cursor_parts)


def timeline_slice(order: Order, first: int, after: str | None = None) -> TimelineSlice:
    """The slice for a page of events, with one more event to see whether others follow."""
    check_page_size(first)
    stream = order_stream(order.id)
    positions = cursors.decode_cursor(after, [stream]) if after is not None else None
    after_seq = positions[stream].seq if positions is not None else 0
    return TimelineSlice(order.id, after_seq, first + 1, order.placed_at.astimezone(UTC).date())


async def read_slices(
    session: AsyncSession, slices: Sequence[TimelineSlice]
) -> list[list[TimelineRow]]:
    """The events of each slice, the oldest first, as far as the log goes back."""
    day = min((slice_.placed_on for slice_ in slices), default=date.max)
    streams = [order_stream(slice_.order_id) for slice_ in slices]
    if len(slices) == 1:
        parameters = {
            "stream_of_order": streams[0],
            "after_seq": slices[0].after_seq,
            "row_limit": slices[0].limit,
        }
        return [[*await session.execute(_of_one(day), parameters)]]
    parameters = {
        "streams": streams,
        "after_seqs": [slice_.after_seq for slice_ in slices],
        "limits": [slice_.limit for slice_ in slices],
    }
    results: list[list[TimelineRow]] = [[] for _ in slices]
    for place, *event in await session.execute(_of_each(day), parameters):
        results[place - 1].append(tuple(event))
    return results


def timeline_page(
    order: Order, slice_: TimelineSlice, rows: Sequence[TimelineRow], actor: Actor
) -> Page[OrderEvent]:
    """A page of the events of an order as `actor` may read them, the oldest first."""
    return build_page(
        [to_order_event(order, actor, *row) for row in rows],
        slice_.limit - 1,
        slice_.after_seq or None,
        lambda event: event.cursor_parts,
    )


def to_order_event(
    order: Order, actor: Actor, seq: int, type: str, body: dict[str, Any], at: datetime
) -> OrderEvent:
    """The event with the facts that `actor`, who sees the order, may read of it.

    Amounts are minor units of the order's currency.
    """
    kind = OrderEventKind(type)
    amount, reason = event_facts.event_amount(body), event_facts.event_reason(body)
    if amount is not None and not may_read(AMOUNTS.get(kind), order, body, actor):
        amount = None
    if reason is not None and not may_read(REASONS.get(kind), order, body, actor):
        reason = None
    return OrderEvent(order.id, seq, kind, at, order.currency, amount, reason)
