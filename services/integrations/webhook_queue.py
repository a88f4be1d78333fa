"""From the event log onto the way to the endpoints, each event once, in the order of commits.

The log itself is the queue: an event is in it with the change that it tells of, or neither is. A
reader of the whole log goes by the number of the writing transaction, and stops before the oldest
one that is still under way: what commits late is behind that line, so nothing is passed over.
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
from database.statements import kept
from services.integrations.webhook_topics import topic_of

log = logging.getLogger("darkstore.webhooks")

READER = "webhooks"
EVENTS_AT_ONCE = 1_000
LIFE_SECONDS = 3 * 24 * 3600
WAITING_COUNT = 10_000

LOCK = kept(
    text(
        "select tx::text, stream, seq, tx >= pg_snapshot_xmax(pg_current_snapshot()) as ahead"
        " from event_place where reader = :reader for update skip locked"
    )
)
# The database was restored into a younger cluster: its transactions are counted from the start.
RESTART = text("update event_place set tx = '0', stream = '', seq = 0 where reader = :reader")
NEXT = kept(
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
MOVE = text(
    "update event_place set tx = cast(cast(:tx as text) as xid8), stream = :stream, seq = :seq,"
    " at = now() where reader = :reader"
)
ENDPOINTS = kept(
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
QUEUE = kept(
    text(
        """
    insert into webhook_delivery (id, company_id, endpoint_id, stream, seq, type, event_at, round,
        status, attempts_count, due_at, ends_at)
    select id, company, endpoint, stream, seq, type, at, round, 'PENDING', 0, clock_timestamp(),
        clock_timestamp() + make_interval(secs => :life)
    from unnest(:ids, :companies, :endpoints, :streams, :seqs, :types, :moments, :rounds)
        as one (id, company, endpoint, stream, seq, type, at, round)
    on conflict (endpoint_id, stream, seq, round) do nothing
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
MISSED = text("update webhook_endpoint set missed_since = least(missed_since, :at) where id = :id")


@dataclass(frozen=True, slots=True)
class Due:
    """An event that is to go to an endpoint."""

    company_id: UUID
    endpoint_id: UUID
    stream: str
    seq: int
    type: str
    at: datetime
    round: int = 0


async def fan_out(session: AsyncSession) -> int:
    """Put the next events of the log on their way; answers how many events were read.

    One process at a time does this: another one finds the place locked, and 0 to do.
    """
    place = (await session.execute(LOCK, {"reader": READER})).first()
    if place is None:
        return 0
    tx, stream, seq, ahead = place
    if ahead:
        log.warning("the event log is numbered anew, as after a restore: reading it from the start")
        await session.execute(RESTART, {"reader": READER})
        tx, stream, seq = "0", "", 0
    asked = {"tx": tx, "stream": stream, "seq": seq, "most": EVENTS_AT_ONCE, "life": LIFE_SECONDS}
    found = (await session.execute(NEXT, asked)).all()
    if not found:
        return 0
    await queue(session, await _wanted(session, [one for one in found if one.fresh]))
    last = found[-1]
    await session.execute(
        MOVE, {"tx": last.tx, "stream": last.stream, "seq": last.seq, "reader": READER}
    )
    return len(found)


async def queue(session: AsyncSession, due: Sequence[Due]) -> int:
    """Write down what is to be sent; answers how much of it was not there already."""
    if not due:
        return 0
    rows = await session.execute(
        QUEUE,
        {
            "ids": [uuid7() for _ in due],
            "companies": [one.company_id for one in due],
            "endpoints": [one.endpoint_id for one in due],
            "streams": [one.stream for one in due],
            "seqs": [one.seq for one in due],
            "types": [one.type for one in due],
            "moments": [one.at for one in due],
            "rounds": [one.round for one in due],
            "life": float(LIFE_SECONDS),
        },
    )
    return len(rows.all())


async def _wanted(session: AsyncSession, events: Sequence[Any]) -> list[Due]:
    """Which endpoints want which of these; one that takes nothing now is noted to miss them."""
    ours = [one for one in events if one.company_id is not None and topic_of(one.stream, one.type)]
    if not ours:
        return []
    companies = list({one.company_id for one in ours})
    endpoints = (
        await session.execute(ENDPOINTS, {"companies": companies, "most": WAITING_COUNT})
    ).all()
    due: list[Due] = []
    missed: dict[UUID, datetime] = {}
    room = {one.id: WAITING_COUNT - one.waiting for one in endpoints}
    for event in ours:
        for to in endpoints:
            if to.company_id != event.company_id or event.type not in to.event_types:
                continue
            if event.at < to.created_at:
                continue  # an endpoint hears of what happens after it was made
            if to.status != "ACTIVE" or room[to.id] <= 0:
                missed.setdefault(to.id, event.at)
                continue
            room[to.id] -= 1
            due.append(Due(event.company_id, to.id, event.stream, event.seq, event.type, event.at))
    for endpoint_id, at in missed.items():
        await session.execute(MISSED, {"id": endpoint_id, "at": at})
    return due
