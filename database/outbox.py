"""Stores the events of a write session, numbered, and its audit row by one statement."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import BigInteger, Text, Uuid

from database.base import uuid7
from database.statements import prepared


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event without a number yet."""

    stream: str
    company_id: UUID | None
    type: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """The audit row: who changed which rows from what to what, and from where."""

    action: str
    actor_id: UUID | None = None
    company_id: UUID | None = None
    address: str = ""
    request_id: str = ""
    changes: list[dict[str, Any]] = field(default_factory=list)


NumberedEvents = list[tuple[PendingEvent, int, datetime]]

# Streams are locked in the order of their names, so that two transactions can't deadlock.
# Under that lock a stream's timestamps only grow: a later event is never older.
INSERT_OUTBOX = prepared(
    text(
        """
    with pending as (
        select * from unnest(
            :streams, :companies, :types, cast(:bodies as jsonb[]), :places, :counts
        ) as one (stream, company_id, type, body, place, count)
    ), heads as (
        insert into stream as head (stream, company_id, seq, at)
        select distinct on (stream) stream, company_id, count, clock_timestamp()
        from pending order by stream
        on conflict (stream) do update
        set seq = head.seq + excluded.seq, at = greatest(head.at, clock_timestamp())
        returning stream, seq, at
    ), audited as (
        insert into audit_entry
            (id, action, actor_id, company_id, address, request_id, changes)
        select :id, :action, :actor, :company, :address, :request, cast(:changes as jsonb)
        where :changes <> '[]'
    )
    insert into event (stream, seq, company_id, type, body, actor_id, at)
    select stream, seq - count + place, company_id, type, body, :actor, at
    from pending join heads using (stream)
    returning stream, seq, at
    """
    ).bindparams(
        bindparam("streams", type_=ARRAY(Text)),
        bindparam("companies", type_=ARRAY(Uuid)),
        bindparam("types", type_=ARRAY(Text)),
        bindparam("bodies", type_=ARRAY(Text)),
        bindparam("places", type_=ARRAY(BigInteger)),
        bindparam("counts", type_=ARRAY(BigInteger)),
        bindparam("id", type_=Uuid),
        bindparam("action", type_=Text),
        bindparam("actor", type_=Uuid),
        bindparam("company", type_=Uuid),
        bindparam("address", type_=Text),
        bindparam("request", type_=Text),
        bindparam("changes", type_=Text),
    )
)


async def flush_outbox(
    session: AsyncSession, events: Sequence[PendingEvent], audit_record: AuditRecord
) -> NumberedEvents:
    """Store the events, numbered within their streams, and the audit row if rows changed.

    Answers the events in the order in which they were recorded, with numbers and timestamps.
    """
    if not events and not audit_record.changes:
        return []
    parameters = {**_event_parameters(events), **_audit_parameters(audit_record)}
    rows = await session.execute(INSERT_OUTBOX, parameters)
    by_stream: dict[str, list[tuple[int, datetime]]] = defaultdict(list)
    for stream, seq, at in rows:
        by_stream[stream].append((seq, at))
    numbers = {stream: iter(sorted(numbered)) for stream, numbered in by_stream.items()}
    return [(event, *next(numbers[event.stream])) for event in events]


def _event_parameters(events: Sequence[PendingEvent]) -> dict[str, Any]:
    counts = Counter(event.stream for event in events)
    seen: Counter[str] = Counter()
    places = []
    for event in events:
        seen[event.stream] += 1
        places.append(seen[event.stream])
    return {
        "streams": [event.stream for event in events],
        "companies": [event.company_id for event in events],
        "types": [event.type for event in events],
        "bodies": [orjson.dumps(event.body).decode() for event in events],
        "places": places,
        "counts": [counts[event.stream] for event in events],
    }


def _audit_parameters(audit_record: AuditRecord) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "action": audit_record.action,
        "actor": audit_record.actor_id,
        "company": audit_record.company_id,
        "address": audit_record.address,
        "request": audit_record.request_id,
        "changes": orjson.dumps(audit_record.changes).decode(),
    }
