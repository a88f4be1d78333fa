"""Queues webhook deliveries from the event log: each event once per endpoint, in commit order.

The log itself is the queue: events are written in the transaction of the change they describe. The
reader of the whole log orders events by the number of the writing transaction and stops before the
oldest transaction in progress, so that an event that is committed late is never skipped.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import BigInteger, DateTime, Integer, Text, Uuid

from database.base import uuid7
from database.statements import prepared
from services.integrations.webhook_events import find_topic

log = logging.getLogger("darkstore.webhooks")

READER = "webhooks"
MAX_EVENTS_PER_BATCH = 1_000
DELIVERY_LIFETIME_SECONDS = 3 * 24 * 3600
MAX_PENDING_PER_ENDPOINT = 10_000

LOCK_POSITION = prepared(
    text(
        "select tx::text, stream, seq, tx >= pg_snapshot_xmax(pg_current_snapshot()) as ahead"
        " from event_place where reader = :reader for update skip locked"
    )
)
# After a restore into a new cluster, transaction numbers start again below the stored position.
RESET_POSITION = text(
    "update event_place set tx = '0', stream = '', seq = 0 where reader = :reader"
)
SELECT_NEXT_EVENTS = prepared(
    text(
        """
    select tx::text, stream, seq, company_id, type, at,
        at > clock_timestamp() - make_interval(secs => :life) as fresh
    from event
    where (tx, stream, seq) > (cast(cast(:tx as text) as xid8), :stream, :seq)
        and tx < pg_snapshot_xmin(pg_current_snapshot())
    order by tx, stream, seq limit :most
    """
    )
)
UPDATE_POSITION = text(
    "update event_place set tx = cast(cast(:tx as text) as xid8), stream = :stream, seq = :seq,"
    " at = now() where reader = :reader"
)
SELECT_ENDPOINTS = prepared(
    text(
        """
    select w.id, w.company_id, w.event_types, w.status, w.created_at,
        (select count(*) from (select 1 from webhook_delivery d
            where d.endpoint_id = w.id and d.status = 'PENDING' limit :most) as waiting) as waiting
    from webhook_endpoint w
    where w.company_id = any (:companies) and w.status <> 'ARCHIVED'
    """
    ).bindparams(bindparam("companies", type_=ARRAY(Uuid)))
)
INSERT_DELIVERIES = prepared(
    text(
        """
    insert into webhook_delivery (id, company_id, endpoint_id, stream, seq, event_type,
        occurred_at, replay_number, status, attempt_count, next_attempt_at, ends_at)
    select id, company, endpoint, stream, seq, event_type, at, replay_number, 'PENDING', 0,
        clock_timestamp(), clock_timestamp() + make_interval(secs => :life)
    from unnest(:ids, :companies, :endpoints, :streams, :seqs, :types, :moments, :rounds)
        as one (id, company, endpoint, stream, seq, event_type, at, replay_number)
    on conflict (endpoint_id, stream, seq, replay_number) do nothing
    returning id
    """
    ).bindparams(
        bindparam("ids", type_=ARRAY(Uuid)),
        bindparam("companies", type_=ARRAY(Uuid)),
        bindparam("endpoints", type_=ARRAY(Uuid)),
        bindparam("streams", type_=ARRAY(Text)),
        bindparam("seqs", type_=ARRAY(BigInteger)),
        bindparam("types", type_=ARRAY(Text)),
        bindparam("moments", type_=ARRAY(DateTime(timezone=True))),
        bindparam("rounds", type_=ARRAY(Integer)),
    )
)
UPDATE_MISSED_SINCE = text(
    "update webhook_endpoint set missed_since = least(missed_since, :at) where id = :id"
)
UPDATE_MISSED_BY_COMPANY = text(
    "update webhook_endpoint set missed_since = least(missed_since, :at)"
    " where company_id = :company and status <> 'ARCHIVED'"
)


@dataclass(frozen=True, slots=True)
class QueuedDelivery:
    """An event to deliver to an endpoint; `round` is 0, or the number of the replay."""

    company_id: UUID
    endpoint_id: UUID
    stream: str
    seq: int
    type: str
    at: datetime
    round: int = 0


async def fan_out(session: AsyncSession, limit: int = MAX_EVENTS_PER_BATCH) -> int:
    """Queue deliveries of the next events of the log; returns how many events were read.

    The reader's position is locked: while one process reads, others return 0.
    """
    events = await _read_next(session, limit)
    recent = [event for event in events if event.fresh]
    await enqueue(session, await _match_endpoints(session, recent))
    await _move_position(session, events)
    return len(events)


async def skip_next(session: AsyncSession) -> str | None:
    """Leave out the next event, which can't be queued; returns its name.

    Its company's endpoints have missed it: their owners see since when, and may replay.
    """
    events = await _read_next(session, 1)
    if not events:
        return None
    [event] = events
    parameters = {"company": event.company_id, "at": event.at}
    await session.execute(UPDATE_MISSED_BY_COMPANY, parameters)
    await _move_position(session, events)
    return f"{event.stream} {event.seq}"


async def _read_next(session: AsyncSession, limit: int) -> Sequence[Any]:
    """Lock the reader's position and read the events after it."""
    position = (await session.execute(LOCK_POSITION, {"reader": READER})).first()
    if position is None:
        return []
    tx, stream, seq, is_ahead = position
    if is_ahead:
        log.warning(
            "transaction numbers of the event log start again, as after a restore:"
            " reading it from the start"
        )
        await session.execute(RESET_POSITION, {"reader": READER})
        tx, stream, seq = "0", "", 0
    parameters = {
        "tx": tx,
        "stream": stream,
        "seq": seq,
        "most": limit,
        "life": DELIVERY_LIFETIME_SECONDS,
    }
    return (await session.execute(SELECT_NEXT_EVENTS, parameters)).all()


async def _move_position(session: AsyncSession, events: Sequence[Any]) -> None:
    if events:
        last = events[-1]
        place = {"tx": last.tx, "stream": last.stream, "seq": last.seq, "reader": READER}
        await session.execute(UPDATE_POSITION, place)


async def enqueue(session: AsyncSession, deliveries: Sequence[QueuedDelivery]) -> int:
    """Insert deliveries that don't exist yet; returns how many were inserted."""
    if not deliveries:
        return 0
    rows = await session.execute(
        INSERT_DELIVERIES,
        {
            "ids": [uuid7() for _ in deliveries],
            "companies": [one.company_id for one in deliveries],
            "endpoints": [one.endpoint_id for one in deliveries],
            "streams": [one.stream for one in deliveries],
            "seqs": [one.seq for one in deliveries],
            "types": [one.type for one in deliveries],
            "moments": [one.at for one in deliveries],
            "rounds": [one.round for one in deliveries],
            "life": float(DELIVERY_LIFETIME_SECONDS),
        },
    )
    return len(rows.all())


async def _match_endpoints(session: AsyncSession, rows: Sequence[Any]) -> list[QueuedDelivery]:
    """Deliveries of these events; an endpoint that accepts none now gets `missed_since` instead."""
    events = [
        row for row in rows if row.company_id is not None and find_topic(row.stream, row.type)
    ]
    if not events:
        return []
    companies = list({event.company_id for event in events})
    parameters = {"companies": companies, "most": MAX_PENDING_PER_ENDPOINT}
    endpoints = (await session.execute(SELECT_ENDPOINTS, parameters)).all()
    deliveries: list[QueuedDelivery] = []
    missed_since: dict[UUID, datetime] = {}
    capacity = {one.id: MAX_PENDING_PER_ENDPOINT - one.waiting for one in endpoints}
    for event in events:
        for endpoint in endpoints:
            is_other_company = endpoint.company_id != event.company_id
            if is_other_company or event.type not in endpoint.event_types:
                continue
            if event.at < endpoint.created_at:
                continue
            if endpoint.status != "ACTIVE" or capacity[endpoint.id] <= 0:
                missed_since.setdefault(endpoint.id, event.at)
                continue
            capacity[endpoint.id] -= 1
            event_key = event.stream, event.seq, event.type, event.at
            deliveries.append(QueuedDelivery(event.company_id, endpoint.id, *event_key))
    for endpoint_id, at in missed_since.items():
        await session.execute(UPDATE_MISSED_SINCE, {"id": endpoint_id, "at": at})
    return deliveries
