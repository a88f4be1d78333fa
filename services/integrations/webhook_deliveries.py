"""Deliveries of a webhook endpoint: reading them, replaying events, retrying dead letters."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from models.events import Event
from models.identity import Actor
from models.integrations import (
    WebhookDelivery,
    WebhookDeliveryStatus,
    WebhookEndpoint,
    WebhookEndpointAction,
)
from services.core.clock import current_time
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, not_found
from services.core.state_machine import illegal_step
from services.integrations import webhook_endpoints
from services.integrations.webhook_endpoint_states import DELIVERY_MACHINE, MACHINE
from services.integrations.webhook_events import (
    FAMILIES,
    WebhookEvent,
    decode_event_id,
    event_not_found,
    find_topic,
)
from services.integrations.webhook_queue import (
    DELIVERY_LIFETIME_SECONDS,
    MAX_PENDING_PER_ENDPOINT,
    QueuedDelivery,
    enqueue,
)
from services.integrations.webhook_sending import to_webhook_event

MAX_REPLAYED_EVENTS = 1_000


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """How many deliveries were queued; the next replay continues after `next_event_id`."""

    endpoint: WebhookEndpoint
    queued_count: int
    next_event_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRange:
    """A part of the event log: between two times, or after one event."""

    since: datetime | None = None
    until: datetime | None = None
    after_event_id: str | None = None


async def replay(
    session: AsyncSession, *, actor: Actor, endpoint_id: UUID, replay_range: ReplayRange
) -> ReplayResult:
    """Queue up to 1,000 past events again, each under its original event id.

    Raises DomainError: NotFound, InvalidTransition, InvalidInput without a start.
    """
    endpoint = await MACHINE.begin(session, actor, endpoint_id, WebhookEndpointAction.REPLAY)
    pending_count = select(func.count()).where(
        WebhookDelivery.endpoint_id == endpoint.id,
        WebhookDelivery.status == WebhookDeliveryStatus.PENDING,
    )
    if (await session.scalar(pending_count) or 0) + MAX_REPLAYED_EVENTS > MAX_PENDING_PER_ENDPOINT:
        message = "Too much waits for this endpoint already."
        raise DomainError(InvalidInput(path=["input", "webhookEndpointId"], message=message))
    events = await _read_events(session, endpoint, replay_range)
    replayed = events[:MAX_REPLAYED_EVENTS]
    is_complete = len(events) == len(replayed)
    endpoint.round += 1
    endpoint.missed_since = None if is_complete else endpoint.missed_since
    count = await enqueue(session, [_queued(endpoint, event) for event in replayed])
    await session.flush()
    return ReplayResult(endpoint, count, None if is_complete else replayed[-1].event_id)


def _queued(endpoint: WebhookEndpoint, event: WebhookEvent) -> QueuedDelivery:
    event_key = event.stream, event.seq, event.type, event.at
    return QueuedDelivery(endpoint.company_id, endpoint.id, *event_key, endpoint.round)


async def _read_events(
    session: AsyncSession, endpoint: WebhookEndpoint, replay_range: ReplayRange
) -> list[WebhookEvent]:
    """Up to MAX_REPLAYED_EVENTS and one more, in commit order."""
    log_position: Any = tuple_(literal_column("tx"), Event.stream, Event.seq)
    query = select(Event).where(
        Event.company_id == endpoint.company_id,
        Event.type.in_(endpoint.event_types),
        func.split_part(Event.stream, ":", 1).in_(FAMILIES),
    )
    since, until = replay_range.since, replay_range.until
    if replay_range.after_event_id is not None:
        start = await _position_of(session, endpoint, replay_range.after_event_id)
        query = query.where(log_position > start)
    elif since is None:
        message = "Say since when, or after which event."
        raise DomainError(InvalidInput(path=["input", "since"], message=message))
    if since is not None:
        query = query.where(Event.at >= since)
    if until is not None:
        query = query.where(Event.at < until)
    rows = await session.scalars(
        query.order_by(literal_column("tx"), Event.stream, Event.seq).limit(MAX_REPLAYED_EVENTS + 1)
    )
    return [event for row in rows if (event := to_webhook_event(row)) is not None]


async def _position_of(session: AsyncSession, endpoint: WebhookEndpoint, event_id: str) -> Any:
    """The position of an event in the log, in commit order. Raises DomainError: NotFound."""
    stream, seq = decode_event_id(event_id, "input", "afterEventId")
    tx = await session.scalar(
        select(literal_column("tx::text"))
        .select_from(Event)
        .where(Event.stream == stream, Event.seq == seq, Event.company_id == endpoint.company_id)
    )
    if tx is None:
        raise event_not_found("input", "afterEventId")
    return tuple_(literal_column(f"'{int(tx)}'::xid8"), literal(stream), literal(seq))


async def retry(session: AsyncSession, *, actor: Actor, delivery_id: UUID) -> WebhookDelivery:
    """Queue a dead letter again, for another three days.

    Raises DomainError: NotFound, InvalidTransition.
    """
    delivery = await session.get(
        WebhookDelivery, delivery_id, with_for_update=True, populate_existing=True
    )
    if delivery is None:
        raise not_found(WebhookDelivery, "deliveryId")
    await webhook_endpoints.visible_endpoint(
        session, actor=actor, endpoint_id=delivery.endpoint_id, path="deliveryId"
    )
    if delivery.status is not WebhookDeliveryStatus.FAILED:
        message = "Only what was given up is sent again by hand: replay sends anything."
        raise illegal_step("input", "deliveryId", message=message, state=delivery.status)
    DELIVERY_MACHINE.set_status(delivery, WebhookDeliveryStatus.PENDING)
    delivery.attempt_count, delivery.finished_at = 0, None
    delivery.next_attempt_at = await current_time(session)
    delivery.ends_at = await current_time(session, DELIVERY_LIFETIME_SECONDS)
    await session.flush()
    return delivery


async def list_of_endpoint(
    session: AsyncSession,
    *,
    endpoint_id: UUID,
    statuses: Collection[WebhookDeliveryStatus] | None,
    first: int,
    cursor: str | None,
) -> Page[WebhookDelivery]:
    """A page of an endpoint's deliveries, newest first; the caller has authorized the actor."""
    check_page_size(first)
    query = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if statuses is not None:
        query = query.where(WebhookDelivery.status.in_(statuses))
    if (start := decode_cursor(cursor, WebhookDelivery.id)) is not None:
        query = query.where(WebhookDelivery.id < start[0])
    deliveries = await session.scalars(query.order_by(WebhookDelivery.id.desc()).limit(first + 1))
    return build_page(deliveries.all(), first, cursor, lambda delivery: (str(delivery.id),))


async def visible_delivery(
    session: AsyncSession, *, actor: Actor, delivery_id: UUID
) -> WebhookDelivery:
    """The delivery, for those who manage its endpoint. Raises DomainError: NotFound."""
    delivery = await session.get(WebhookDelivery, delivery_id)
    if delivery is None:
        raise not_found(WebhookDelivery, "id")
    await webhook_endpoints.visible_endpoint(session, actor=actor, endpoint_id=delivery.endpoint_id)
    return delivery


async def read_event(session: AsyncSession, event_id: str, *path: str) -> WebhookEvent:
    """An event by its public id, within the session's scope. Raises DomainError: NotFound."""
    stream, seq = decode_event_id(event_id, *path)
    row = await session.scalar(select(Event).where(Event.stream == stream, Event.seq == seq))
    event = to_webhook_event(row)
    if event is None or find_topic(event.stream, event.type) is None:
        raise event_not_found(*path)
    return event
