"""What was sent to an endpoint and what is to be sent again: the log, replays, dead letters."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from models.events import Event
from models.identity import Actor
from models.integrations import DeliveryState, WebhookAction, WebhookDelivery, WebhookEndpoint
from services.core.clock import moment
from services.core.pages import Page, after, bounded, page
from services.core.problems import IllegalStep, InvalidInput, Refused, not_found
from services.integrations import webhook_endpoints
from services.integrations.webhook_queue import LIFE_SECONDS, WAITING_COUNT, Due, queue
from services.integrations.webhook_sending import happening_of
from services.integrations.webhook_topics import FAMILIES, Happening, no_event, place_of, topic_of

REPLAYED_COUNT = 1_000


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many events go out once more; `next_event_id` is where to go on when there are more."""

    endpoint: WebhookEndpoint
    queued_count: int
    next_event_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which part of the log: between two moments, or behind one event."""

    since: datetime | None = None
    until: datetime | None = None
    after_event_id: str | None = None


async def replay(session: AsyncSession, *, actor: Actor, endpoint_id: UUID, span: Span) -> Replayed:
    """Send events of the log once more, up to 1,000, each under the id that it had.

    Refused: NotFound, IllegalStep, InvalidInput without a beginning.
    """
    row = await webhook_endpoints.entered(session, actor, endpoint_id, WebhookAction.REPLAY)
    waiting = select(func.count()).where(
        WebhookDelivery.endpoint_id == row.id, WebhookDelivery.status == DeliveryState.PENDING
    )
    if (await session.scalar(waiting) or 0) + REPLAYED_COUNT > WAITING_COUNT:
        message = "Too much waits for this endpoint already."
        raise Refused(InvalidInput(path=["input", "endpointId"], message=message))
    found = await _events(session, row, span)
    shown = found[:REPLAYED_COUNT]
    row.round += 1
    row.missed_since = None if len(found) == len(shown) else row.missed_since
    due = [
        Due(row.company_id, row.id, one.stream, one.seq, one.type, one.at, row.round)
        for one in shown
    ]
    count = await queue(session, due)
    await session.flush()
    following = shown[-1].event_id if len(found) > len(shown) else None
    return Replayed(row, count, following)


async def _events(session: AsyncSession, row: WebhookEndpoint, span: Span) -> list[Happening]:
    order: Any = tuple_(literal_column("tx"), Event.stream, Event.seq)
    rows = select(Event).where(
        Event.company_id == row.company_id,
        Event.type.in_(row.event_types),
        func.split_part(Event.stream, ":", 1).in_(FAMILIES),
    )
    if span.after_event_id is not None:
        stream, seq = place_of(span.after_event_id, "input", "afterEventId")
        tx = await session.scalar(
            select(literal_column("tx::text"))
            .select_from(Event)
            .where(Event.stream == stream, Event.seq == seq, Event.company_id == row.company_id)
        )
        if tx is None:
            raise no_event("input", "afterEventId")
        start = tuple_(literal_column(f"'{int(tx)}'::xid8"), literal(stream), literal(seq))
        rows = rows.where(order > start)
    elif span.since is None:
        message = "Say since when, or after which event."
        raise Refused(InvalidInput(path=["input", "since"], message=message))
    if span.since is not None:
        rows = rows.where(Event.at >= webhook_endpoints.utc(span.since, "input", "since"))
    if span.until is not None:
        rows = rows.where(Event.at < webhook_endpoints.utc(span.until, "input", "until"))
    found = await session.scalars(
        rows.order_by(literal_column("tx"), Event.stream, Event.seq).limit(REPLAYED_COUNT + 1)
    )
    return [one for event in found if (one := happening_of(event)) is not None]


async def retry(session: AsyncSession, *, actor: Actor, delivery_id: UUID) -> WebhookDelivery:
    """Send a dead letter again, for another three days. Refused: NotFound, IllegalStep."""
    row = await session.get(
        WebhookDelivery, delivery_id, with_for_update=True, populate_existing=True
    )
    if row is None:
        raise not_found(WebhookDelivery, "deliveryId")
    await webhook_endpoints.visible(
        session, actor=actor, endpoint_id=row.endpoint_id, path="deliveryId"
    )
    if row.status is not DeliveryState.DEAD:
        message = "Only what was given up is sent again by hand: replay sends anything."
        path = ["input", "deliveryId"]
        raise Refused(IllegalStep(path=path, message=message, state=row.status, legal=[]))
    row.status, row.finished_at, row.attempts_count = DeliveryState.PENDING, None, 0
    row.due_at = await moment(session)
    row.ends_at = await moment(session, LIFE_SECONDS)
    await session.flush()
    return row


async def listed(
    session: AsyncSession,
    *,
    endpoint_id: UUID,
    statuses: Collection[DeliveryState] | None,
    first: int,
    cursor: str | None,
) -> Page[WebhookDelivery]:
    """A page of an endpoint's deliveries, the newest first; for whoever sees the endpoint."""
    bounded(first)
    rows = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if statuses is not None:
        rows = rows.where(WebhookDelivery.status.in_(statuses))
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(WebhookDelivery.id < start[0])
    found = await session.scalars(rows.order_by(WebhookDelivery.id.desc()).limit(first + 1))
    return page(found.all(), first, lambda row: (str(row.id),))


async def visible(session: AsyncSession, *, actor: Actor, delivery_id: UUID) -> WebhookDelivery:
    """One delivery, for those who mind its endpoint. Refused: NotFound."""
    row = await session.get(WebhookDelivery, delivery_id)
    if row is None:
        raise not_found(WebhookDelivery, "id")
    await webhook_endpoints.visible(session, actor=actor, endpoint_id=row.endpoint_id)
    return row


async def happening(session: AsyncSession, event_id: str, *path: str) -> Happening:
    """An event by its public id, within the session's scope. Refused: NotFound."""
    stream, seq = place_of(event_id, *path)
    event = await session.scalar(select(Event).where(Event.stream == stream, Event.seq == seq))
    found = happening_of(event)
    if found is None or topic_of(found.stream, found.type) is None:
        raise no_event(*path)
    return found
