"""What is due to be sent, and what becomes of it: taken, tried again later, or given up.

Nothing here talks to anybody: whoever sends leases first, in one transaction, and writes down what
came of it in another. A sender that dies in between costs a second delivery of what it had leased.
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

from database.statements import kept
from models.events import Event
from models.integrations import App, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookStatus
from services.core.clock import moment
from services.events.event_log import happened, webhook_stream
from services.integrations.webhook_queue import LIFE_SECONDS, READER
from services.integrations.webhook_topics import Happening

LEASE_SECONDS = 60
EACH_AT_ONCE = 10
BACK_OFF_SECONDS = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 43_200, 43_200)
SPREAD = 0.1
RETRY_AFTER_MOST_SECONDS = 3_600
BROKEN_FAILURES = 5
OPEN_SECONDS = 30
OPEN_MOST_SECONDS = 3_600
GONE = 410
ERROR_LENGTH = 300
# In order of an aggregate: nothing that came before may be under way, nor still in the log unread.
# Numbers within a stream and numbers of transactions disagree only for writers at one moment.
CLOSE_BEHIND = 100

LEASE = kept(
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
TAKEN = text(
    "update webhook_delivery set status = 'DELIVERED', attempts_count = attempts_count + 1,"
    " finished_at = now(), last_error = null where id = :id and status = 'PENDING'"
)
WELL = text(
    "update webhook_endpoint set failures = 0, failing_since = null, circuit_open_until = null"
    " where id = :id and failures > 0"
)
LATER = text(
    "update webhook_delivery set attempts_count = attempts_count + 1, last_error = :error,"
    " due_at = :due, status = case when :due > ends_at then 'DEAD' else 'PENDING' end,"
    " finished_at = case when :due > ends_at then now() end"
    " where id = :id and status = 'PENDING' returning status"
)
# Nobody tries what waits for an endpoint that takes nothing: its three days end here.
EXPIRE = text(
    "update webhook_delivery d set status = 'DEAD', finished_at = now(), last_error = :error"
    " from webhook_endpoint w where w.id = d.endpoint_id and w.status <> 'ACTIVE'"
    " and d.status = 'PENDING' and (d.ends_at < now() or w.status = 'ARCHIVED')"
)
PURGE = text(
    "delete from webhook_delivery where id in (select id from webhook_delivery"
    " where created_at < now() - make_interval(days => :days) and status <> 'PENDING' limit :most)"
    " returning id"
)
PURGE_ATTEMPTS = text("delete from webhook_attempt where delivery_id = any (:ids)")
KEPT_DAYS = 30
PURGED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Parcel:
    """All that one try needs: the delivery, its endpoint, the app it is for, and the event."""

    delivery: WebhookDelivery
    endpoint: WebhookEndpoint
    app: App | None
    happening: Happening | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try; `error` is None when the endpoint took it."""

    error: str | None = None
    status_code: int | None = None
    latency_ms: int | None = None
    snippet: str = ""
    retry_after_seconds: int | None = None


async def lease(session: AsyncSession, busy: Sequence[UUID], most: int) -> list[UUID]:
    """Deliveries that are due, put off for a minute so that no other process takes them too.

    At most ten of an endpoint, one while its circuit is half open, and none of the `busy` ones.
    """
    rows = await session.execute(
        LEASE,
        {
            "busy": list(busy),
            "most": most,
            "each": EACH_AT_ONCE,
            "broken": BROKEN_FAILURES,
            "lease": float(LEASE_SECONDS),
            "behind": CLOSE_BEHIND,
            "reader": READER,
        },
    )
    return [UUID(str(row[0])) for row in rows]


async def parcels(session: AsyncSession, ids: Sequence[UUID]) -> list[Parcel]:
    """Everything about leased deliveries, in two statements."""
    now = await moment(session)
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
        Parcel(delivery, endpoint, app, happening_of(event), now)
        for delivery, endpoint, app, event in rows
    ]


def happening_of(event: Event | None) -> Happening | None:
    """An event of the log as payloads see it."""
    if event is None or event.company_id is None:
        return None
    company = UUID(str(event.company_id))
    return Happening(event.stream, event.seq, event.type, event.at, company, event.body)


async def taken(session: AsyncSession, parcel: Parcel, outcome: Outcome) -> None:
    """The endpoint has it; its circuit closes."""
    _log(session, parcel, outcome)
    await session.execute(TAKEN, {"id": parcel.delivery.id})
    await session.execute(WELL, {"id": parcel.endpoint.id})


async def failed(session: AsyncSession, parcel: Parcel, outcome: Outcome) -> None:
    """Try again later, or give up at the end of three days; the endpoint's circuit takes note."""
    _log(session, parcel, outcome)
    wait = pause_seconds(parcel.delivery.attempts_count, outcome.retry_after_seconds)
    given = {"id": parcel.delivery.id, "error": (outcome.error or "")[:ERROR_LENGTH]}
    due = await moment(session, wait)
    status = await session.scalar(LATER, {**given, "due": due})
    if status == "DEAD":
        _tell(session, parcel.endpoint, "WEBHOOK_DELIVERY_DEAD", delivery_id=parcel.delivery.id)
    await _break(session, parcel.endpoint.id, outcome)


async def suspend(session: AsyncSession, endpoint_id: UUID, because: str) -> None:
    """Send nothing more until the owner resumes; what waits, waits."""
    endpoint = await session.get(WebhookEndpoint, endpoint_id, with_for_update=True)
    if endpoint is not None and endpoint.status is WebhookStatus.ACTIVE:
        _suspend(session, endpoint, because)


def pause_seconds(attempts_count: int, asked_seconds: int | None = None) -> float:
    """How long to wait after this many earlier tries, spread by a tenth; longer if it was asked."""
    wait = BACK_OFF_SECONDS[min(attempts_count, len(BACK_OFF_SECONDS) - 1)]
    asked = min(asked_seconds or 0, RETRY_AFTER_MOST_SECONDS)
    return max(wait * random.uniform(1 - SPREAD, 1 + SPREAD), asked)


async def forget_old(session: AsyncSession) -> int:
    """Drop finished deliveries of more than 30 days ago, with their tries; answers how many.

    What waited for three days for an endpoint that takes nothing is given up first.
    """
    await session.execute(EXPIRE, {"error": "The endpoint took nothing until the end."})
    rows = await session.execute(PURGE, {"days": KEPT_DAYS, "most": PURGED_AT_ONCE})
    ids = [row[0] for row in rows]
    if ids:
        await session.execute(PURGE_ATTEMPTS, {"ids": ids})
    return len(ids)


async def _break(session: AsyncSession, endpoint_id: UUID, outcome: Outcome) -> None:
    """Count a failure: from five in a row on, wait longer and longer between single tries."""
    endpoint = await session.get_one(
        WebhookEndpoint, endpoint_id, with_for_update=True, populate_existing=True
    )
    now = await moment(session)
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    if outcome.status_code == GONE:
        _suspend(session, endpoint, "The endpoint answered 410 Gone.")
    elif (now - endpoint.failing_since).total_seconds() > LIFE_SECONDS:
        _suspend(session, endpoint, "Nothing was taken for three days.")
    elif endpoint.failures >= BROKEN_FAILURES:
        beyond = min(endpoint.failures - BROKEN_FAILURES, 10)
        wait = min(OPEN_SECONDS * 2**beyond, OPEN_MOST_SECONDS)
        endpoint.circuit_open_until = await moment(session, wait)


def _suspend(session: AsyncSession, endpoint: WebhookEndpoint, because: str) -> None:
    if endpoint.status is not WebhookStatus.ACTIVE:
        return
    endpoint.status, endpoint.suspended_because = WebhookStatus.SUSPENDED, because
    endpoint.version += 1
    _tell(session, endpoint, "WEBHOOK_SUSPENDED", because=because)


def _tell(session: AsyncSession, endpoint: WebhookEndpoint, type: str, **body: Any) -> None:
    happened(session, webhook_stream(endpoint.id), type, body, company_id=endpoint.company_id)


def _log(session: AsyncSession, parcel: Parcel, outcome: Outcome) -> None:
    session.add(
        WebhookAttempt(
            company_id=parcel.delivery.company_id,
            delivery_id=parcel.delivery.id,
            status_code=outcome.status_code,
            latency_ms=outcome.latency_ms,
            error=outcome.error[:ERROR_LENGTH] if outcome.error else None,
            snippet=outcome.snippet,
        )
    )
