"""Claims due webhook deliveries and records the result of each attempt.

This module sends nothing: a sender claims deliveries in one transaction and records the results in
another. A sender that crashes in between causes a second delivery of what it had claimed.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from database.statements import prepared
from models.events import Event
from models.integrations import App, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookStatus
from services.core.clock import current_time
from services.events.event_log import record_event, webhook_stream
from services.integrations.webhook_endpoint_states import MACHINE
from services.integrations.webhook_events import WebhookEvent
from services.integrations.webhook_queue import DELIVERY_LIFETIME_SECONDS, READER

CLAIM_SECONDS = 60
MAX_CLAIMED_PER_ENDPOINT = 10
RETRY_DELAYS_SECONDS = (
    5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 43_200, 43_200,
)  # fmt: skip
JITTER = 0.1
MAX_RETRY_AFTER_SECONDS = 3_600
CIRCUIT_BREAKER_FAILURES = 5
CIRCUIT_OPEN_SECONDS = 30
MAX_CIRCUIT_OPEN_SECONDS = 3_600
HTTP_GONE = 410
MAX_ERROR_LENGTH = 300
# Ordered delivery: no earlier event of the stream may be pending, nor unread in the log. Only
# events of concurrent writers are numbered in another order than they commit, so few are checked.
ORDER_LOOKBACK_EVENTS = 100

CLAIM_DUE = prepared(
    text(
        """
    with chosen as (
        select d.id from (
            select w.* from webhook_endpoint w
            where w.status = 'ACTIVE' and w.id <> all (:busy)
                and (w.circuit_open_until is null or w.circuit_open_until <= clock_timestamp())
                and exists (select from webhook_delivery d where d.endpoint_id = w.id
                    and d.status = 'PENDING' and d.due_at <= clock_timestamp())
            order by random() limit :most
        ) w cross join lateral (
            select d.id from webhook_delivery d
            where d.endpoint_id = w.id and d.status = 'PENDING' and d.due_at <= clock_timestamp()
                and (not w.ordered or not exists (
                    select from webhook_delivery b where b.endpoint_id = w.id
                        and b.stream = d.stream and b.round = d.round and b.seq < d.seq
                        and b.status = 'PENDING'
                    union all
                    select from event e, event_place p where e.stream = d.stream
                        and e.seq between d.seq - :behind and d.seq - 1
                        and e.at between d.event_at - interval '7 days' and d.event_at
                        and p.reader = :reader and d.round = 0
                        and (e.tx, e.stream, e.seq) > (p.tx, p.stream, p.seq)))
            order by d.due_at, d.id
            limit case when w.failures >= :broken then 1 else :each end
            for update skip locked
        ) d limit :most
    )
    update webhook_delivery d set due_at = clock_timestamp() + make_interval(secs => :lease)
    from chosen where d.id = chosen.id
    returning d.id
    """
    ).bindparams(bindparam("busy", type_=ARRAY(Uuid)))
)
MARK_DELIVERED = text(
    "update webhook_delivery set status = 'DELIVERED', attempts_count = attempts_count + 1,"
    " finished_at = now(), last_error = null where id = :id and status = 'PENDING'"
)
CLOSE_CIRCUIT = text(
    "update webhook_endpoint set failures = 0, failing_since = null, circuit_open_until = null"
    " where id = :id and failures > 0"
)
MARK_FAILED = text(
    "update webhook_delivery set attempts_count = attempts_count + 1, last_error = :error,"
    " due_at = :due, status = case when :due > ends_at then 'DEAD' else 'PENDING' end,"
    " finished_at = case when :due > ends_at then now() end"
    " where id = :id and status = 'PENDING' returning status"
)
# Deliveries of inactive endpoints are never attempted, so their expiry is checked here.
EXPIRE_PENDING = text(
    "update webhook_delivery d set status = 'DEAD', finished_at = now(), last_error = :error"
    " from webhook_endpoint w where w.id = d.endpoint_id and w.status <> 'ACTIVE'"
    " and d.status = 'PENDING' and (d.ends_at < now() or w.status = 'ARCHIVED')"
)
DELETE_FINISHED = text(
    "delete from webhook_delivery where id in (select id from webhook_delivery"
    " where created_at < now() - make_interval(days => :days) and status <> 'PENDING' limit :most)"
    " returning id"
)
DELETE_ATTEMPTS = text("delete from webhook_attempt where delivery_id = any (:ids)")
RETENTION_DAYS = 30
MAX_PURGED_PER_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A claimed delivery with everything an attempt needs; `event` is None if it was purged."""

    delivery: WebhookDelivery
    endpoint: WebhookEndpoint
    app: App | None
    event: WebhookEvent | None
    now: datetime


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of an attempt; `error` is None if the endpoint accepted the message."""

    error: str | None = None
    status_code: int | None = None
    latency_ms: int | None = None
    snippet: str = ""
    retry_after_seconds: int | None = None


async def claim_due(
    session: AsyncSession, busy_endpoint_ids: Sequence[UUID], limit: int
) -> list[UUID]:
    """Claim due deliveries for 60 s, so that no other process sends them too; returns their keys.

    At most ten of an endpoint, one if its circuit is half open, none of the busy endpoints.
    """
    rows = await session.execute(
        CLAIM_DUE,
        {
            "busy": list(busy_endpoint_ids),
            "most": limit,
            "each": MAX_CLAIMED_PER_ENDPOINT,
            "broken": CIRCUIT_BREAKER_FAILURES,
            "lease": float(CLAIM_SECONDS),
            "behind": ORDER_LOOKBACK_EVENTS,
            "reader": READER,
        },
    )
    return [UUID(str(row[0])) for row in rows]


async def read_claimed(session: AsyncSession, ids: Sequence[UUID]) -> list[DueDelivery]:
    """Read claimed deliveries with their endpoint, app and event, in two statements."""
    now = await current_time(session)
    rows = await session.execute(
        select(WebhookDelivery, WebhookEndpoint, App, Event)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .outerjoin(App, App.id == WebhookEndpoint.app_id)
        .outerjoin(
            Event,
            (Event.stream == WebhookDelivery.stream)
            & (Event.seq == WebhookDelivery.seq)
            & (Event.at == WebhookDelivery.event_at),
        )
        .where(WebhookDelivery.id.in_(ids))
        .order_by(WebhookDelivery.id)
    )
    return [
        DueDelivery(delivery, endpoint, app, to_webhook_event(event), now)
        for delivery, endpoint, app, event in rows
    ]


def to_webhook_event(event: Event | None) -> WebhookEvent | None:
    """The event as the root of payload selections; None without a company."""
    if event is None or event.company_id is None:
        return None
    company_id = UUID(str(event.company_id))
    return WebhookEvent(event.stream, event.seq, event.type, event.at, company_id, event.body)


async def record_delivered(session: AsyncSession, due: DueDelivery, result: AttemptResult) -> None:
    """Mark the delivery as delivered and close the endpoint's circuit."""
    _add_attempt(session, due, result)
    await session.execute(MARK_DELIVERED, {"id": due.delivery.id})
    await session.execute(CLOSE_CIRCUIT, {"id": due.endpoint.id})


async def record_failed(session: AsyncSession, due: DueDelivery, result: AttemptResult) -> None:
    """Schedule the next attempt, or give up after three days; counts for the endpoint's circuit."""
    _add_attempt(session, due, result)
    delay = retry_delay_seconds(due.delivery.attempts_count, result.retry_after_seconds)
    due_at = await current_time(session, delay)
    error = (result.error or "")[:MAX_ERROR_LENGTH]
    parameters = {"id": due.delivery.id, "error": error, "due": due_at}
    status = await session.scalar(MARK_FAILED, parameters)
    if status == "DEAD":
        _record_event(session, due.endpoint, "WEBHOOK_DELIVERY_DEAD", delivery_id=due.delivery.id)
    await _count_failure(session, due.endpoint.id, result)


async def suspend(session: AsyncSession, endpoint_id: UUID, because: str) -> None:
    """Suspend the endpoint until its owner resumes it; its deliveries stay pending."""
    endpoint = await session.get(WebhookEndpoint, endpoint_id, with_for_update=True)
    if endpoint is not None and endpoint.status is WebhookStatus.ACTIVE:
        _suspend(session, endpoint, because)


def retry_delay_seconds(attempts_count: int, retry_after_seconds: int | None = None) -> float:
    """The delay after this many earlier attempts, with 10 % jitter; at least `Retry-After`."""
    delay = RETRY_DELAYS_SECONDS[min(attempts_count, len(RETRY_DELAYS_SECONDS) - 1)]
    minimum = min(retry_after_seconds or 0, MAX_RETRY_AFTER_SECONDS)
    return max(delay * random.uniform(1 - JITTER, 1 + JITTER), minimum)


async def purge_old(session: AsyncSession) -> int:
    """Delete deliveries finished more than 30 days ago, with their attempts; returns how many.

    Expired deliveries of inactive endpoints are marked as dead first.
    """
    await session.execute(EXPIRE_PENDING, {"error": "The endpoint took nothing until the end."})
    parameters = {"days": RETENTION_DAYS, "most": MAX_PURGED_PER_BATCH}
    rows = await session.execute(DELETE_FINISHED, parameters)
    ids = [row[0] for row in rows]
    if ids:
        await session.execute(DELETE_ATTEMPTS, {"ids": ids})
    return len(ids)


async def _count_failure(session: AsyncSession, endpoint_id: UUID, result: AttemptResult) -> None:
    """Count a failure; after five in a row the circuit opens, for longer each time."""
    endpoint = await session.get_one(
        WebhookEndpoint, endpoint_id, with_for_update=True, populate_existing=True
    )
    now = await current_time(session)
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    if result.status_code == HTTP_GONE:
        _suspend(session, endpoint, "The endpoint answered 410 Gone.")
    elif (now - endpoint.failing_since).total_seconds() > DELIVERY_LIFETIME_SECONDS:
        _suspend(session, endpoint, "Nothing was taken for three days.")
    elif endpoint.failures >= CIRCUIT_BREAKER_FAILURES:
        exponent = min(endpoint.failures - CIRCUIT_BREAKER_FAILURES, 10)
        open_seconds = min(CIRCUIT_OPEN_SECONDS * 2**exponent, MAX_CIRCUIT_OPEN_SECONDS)
        endpoint.circuit_open_until = await current_time(session, open_seconds)


def _suspend(session: AsyncSession, endpoint: WebhookEndpoint, because: str) -> None:
    if endpoint.status is not WebhookStatus.ACTIVE:
        return
    MACHINE.move(endpoint, WebhookStatus.SUSPENDED)
    endpoint.suspended_because = because
    _record_event(session, endpoint, "WEBHOOK_SUSPENDED", because=because)


def _record_event(session: AsyncSession, endpoint: WebhookEndpoint, type: str, **body: Any) -> None:
    record_event(session, webhook_stream(endpoint.id), type, body, company_id=endpoint.company_id)


def _add_attempt(session: AsyncSession, due: DueDelivery, result: AttemptResult) -> None:
    session.add(
        WebhookAttempt(
            company_id=due.delivery.company_id,
            delivery_id=due.delivery.id,
            status_code=result.status_code,
            latency_ms=result.latency_ms,
            error=result.error[:MAX_ERROR_LENGTH] if result.error else None,
            snippet=result.snippet,
        )
    )
