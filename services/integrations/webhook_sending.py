"""Claims due webhook deliveries and records the result of each attempt.

This module sends nothing: a sender claims deliveries in one transaction and records the results in
another. A sender that crashes in between causes a second delivery of what it had claimed.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from database.statements import prepared
from models.events import Event
from models.integrations import (
    App,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEndpointStatus,
)
from services.core.clock import current_time
from services.core.text import storable_text
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
MAX_SNIPPET_LENGTH = 2_000
TRANSIENT_RETRY_SECONDS = 60
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
                    and d.status = 'PENDING' and d.next_attempt_at <= clock_timestamp())
            order by random() limit :most
        ) w cross join lateral (
            select d.id from webhook_delivery d
            where d.endpoint_id = w.id and d.status = 'PENDING'
                and d.next_attempt_at <= clock_timestamp()
                and (not w.preserve_order or not exists (
                    select from webhook_delivery b
                    where b.endpoint_id = w.id and b.status = 'PENDING' and b.stream = d.stream
                        and b.replay_number = d.replay_number and b.seq < d.seq
                    union all
                    select from event e, event_place p where e.stream = d.stream
                        and e.seq between d.seq - :behind and d.seq - 1
                        and e.at between d.occurred_at - interval '7 days' and d.occurred_at
                        and p.reader = :reader and d.replay_number = 0
                        and (e.tx, e.stream, e.seq) > (p.tx, p.stream, p.seq)))
            order by d.next_attempt_at, d.id
            limit case when w.consecutive_failure_count >= :broken then 1 else :each end
            for update skip locked
        ) d limit :most
    )
    update webhook_delivery d
    set next_attempt_at = clock_timestamp() + make_interval(secs => :lease)
    from chosen where d.id = chosen.id
    returning d.id
    """
    ).bindparams(bindparam("busy", type_=ARRAY(Uuid)))
)
MARK_DELIVERED = text(
    "update webhook_delivery set status = 'DELIVERED', attempt_count = attempt_count + 1,"
    " finished_at = now(), last_error = null where id = :id and status = 'PENDING'"
)
# What fails on our side is not the endpoint's fault, but it ends after three days as well.
POSTPONE = text(
    "update webhook_delivery set last_error = :error, next_attempt_at = :due,"
    " status = case when ends_at < now() then 'FAILED' else 'PENDING' end,"
    " finished_at = case when ends_at < now() then now() end"
    " where id = :id and status = 'PENDING' returning status"
)
CLOSE_CIRCUIT = text(
    "update webhook_endpoint set consecutive_failure_count = 0, failing_since = null,"
    " circuit_open_until = null"
    " where id = :id and consecutive_failure_count > 0"
)
MARK_FAILED = text(
    "update webhook_delivery set attempt_count = attempt_count + 1, last_error = :error,"
    " next_attempt_at = :due, status = case when :due > ends_at then 'FAILED' else 'PENDING' end,"
    " finished_at = case when :due > ends_at then now() end"
    " where id = :id and status = 'PENDING' returning status"
)
# Deliveries of inactive endpoints are never attempted. Those of active ones end with an attempt,
# unless no attempt ever comes to its end: then an hour later.
EXPIRE_PENDING = text(
    "update webhook_delivery d set status = 'FAILED', finished_at = now(), last_error = :error"
    " where d.id in (select p.id from webhook_delivery p"
    " join webhook_endpoint w on w.id = p.endpoint_id where p.status = 'PENDING'"
    " and (p.ends_at < now() - interval '1 hour' or w.status = 'ARCHIVED'"
    " or w.status <> 'ACTIVE' and p.ends_at < now())"
    " limit :most for update of p skip locked) returning 1"
)
MAX_EXPIRED_PER_BATCH = 1_000


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
    """The result of an attempt; `error` is None if the endpoint accepted the message.

    `on_our_side` are errors that say nothing about the endpoint: they don't count for its circuit,
    and transient ones are not counted as attempts either.
    """

    error: str | None = None
    status_code: int | None = None
    latency_milliseconds: int | None = None
    snippet: str = ""
    retry_after_seconds: int | None = None
    on_our_side: bool = False
    transient: bool = False

    def without_texts(self) -> "AttemptResult":
        """The same result, without what the endpoint answered."""
        error = self.error and "The attempt failed; what was answered can't be shown."
        return replace(self, error=error, snippet="")


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
            & (Event.at == WebhookDelivery.occurred_at),
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


async def record_result(session: AsyncSession, due: DueDelivery, result: AttemptResult) -> None:
    """Mark the delivery as delivered, or schedule its next attempt; give up after three days.

    The result counts for the endpoint's circuit, unless the error was on our side.
    """
    if not result.transient:
        _add_attempt(session, due, result)
    if result.error is None:
        await session.execute(MARK_DELIVERED, {"id": due.delivery.id})
        await session.execute(CLOSE_CIRCUIT, {"id": due.endpoint.id})
        return
    error = storable_text(result.error, MAX_ERROR_LENGTH)
    delay = retry_delay_seconds(due.delivery.attempt_count, result.retry_after_seconds)
    due_at = await current_time(session, TRANSIENT_RETRY_SECONDS if result.transient else delay)
    status = await session.scalar(
        POSTPONE if result.transient else MARK_FAILED,
        {"id": due.delivery.id, "error": error, "due": due_at},
    )
    if status == "FAILED":
        _record_event(session, due.endpoint, "WEBHOOK_DELIVERY_DEAD", delivery_id=due.delivery.id)
    if not result.on_our_side:
        await _count_failure(session, due.endpoint.id, result)


async def suspend(session: AsyncSession, endpoint_id: UUID, because: str) -> None:
    """Suspend the endpoint until its owner resumes it; its deliveries stay pending."""
    endpoint = await session.get(WebhookEndpoint, endpoint_id, with_for_update=True)
    if endpoint is not None and endpoint.status is WebhookEndpointStatus.ACTIVE:
        _suspend(session, endpoint, because)


def retry_delay_seconds(attempt_count: int, retry_after_seconds: int | None = None) -> float:
    """The delay after this many earlier attempts, with 10 % jitter; at least `Retry-After`."""
    delay = RETRY_DELAYS_SECONDS[min(attempt_count, len(RETRY_DELAYS_SECONDS) - 1)]
    minimum = min(retry_after_seconds or 0, MAX_RETRY_AFTER_SECONDS)
    return max(delay * random.uniform(1 - JITTER, 1 + JITTER), minimum)


async def expire_pending(session: AsyncSession) -> int:
    """Mark deliveries as dead that are past their end or whose endpoint is archived."""
    error = "The endpoint took nothing until the end."
    parameters = {"error": error, "most": MAX_EXPIRED_PER_BATCH}
    return len((await session.execute(EXPIRE_PENDING, parameters)).all())


async def _count_failure(session: AsyncSession, endpoint_id: UUID, result: AttemptResult) -> None:
    """Count a failure; after five in a row the circuit opens, for longer each time."""
    endpoint = await session.get_one(
        WebhookEndpoint, endpoint_id, with_for_update=True, populate_existing=True
    )
    now = await current_time(session)
    endpoint.consecutive_failure_count += 1
    endpoint.failing_since = endpoint.failing_since or now
    if result.status_code == HTTP_GONE:
        _suspend(session, endpoint, "The endpoint answered 410 Gone.")
    elif (now - endpoint.failing_since).total_seconds() > DELIVERY_LIFETIME_SECONDS:
        _suspend(session, endpoint, "Nothing was taken for three days.")
    elif endpoint.consecutive_failure_count >= CIRCUIT_BREAKER_FAILURES:
        exponent = min(endpoint.consecutive_failure_count - CIRCUIT_BREAKER_FAILURES, 10)
        open_seconds = min(CIRCUIT_OPEN_SECONDS * 2**exponent, MAX_CIRCUIT_OPEN_SECONDS)
        endpoint.circuit_open_until = await current_time(session, open_seconds)


def _suspend(session: AsyncSession, endpoint: WebhookEndpoint, because: str) -> None:
    if endpoint.status is not WebhookEndpointStatus.ACTIVE:
        return
    MACHINE.move(endpoint, WebhookEndpointStatus.SUSPENDED)
    endpoint.suspension_reason = because
    _record_event(session, endpoint, "WEBHOOK_SUSPENDED", because=because)


def _record_event(session: AsyncSession, endpoint: WebhookEndpoint, type: str, **body: Any) -> None:
    record_event(session, webhook_stream(endpoint.id), type, body, company_id=endpoint.company_id)


def _add_attempt(session: AsyncSession, due: DueDelivery, result: AttemptResult) -> None:
    session.add(
        WebhookAttempt(
            company_id=due.delivery.company_id,
            delivery_id=due.delivery.id,
            status_code=result.status_code,
            latency_milliseconds=result.latency_milliseconds,
            error=storable_text(result.error, MAX_ERROR_LENGTH) if result.error else None,
            response_snippet=storable_text(result.snippet, MAX_SNIPPET_LENGTH),
        )
    )
