"""What a unit of work leaves behind: its events, numbered, and its audit row, in one statement."""

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
from database.statements import kept


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event not yet numbered."""

    stream: str
    company_id: UUID | None
    type: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """The audit row: who changed which rows from what to what, and from where."""

    action: str
    actor_id: UUID | None = None
    company_id: UUID | None = None
    address: str = ""
    request_id: str = ""
    changes: list[dict[str, Any]] = field(default_factory=list)


Written = list[tuple[Recorded, int, datetime]]
Counted = Counter[tuple[str, str]]
"""How much was done, by the verb and by what it was done to."""

# Heads are locked in the order of their names, so two units of work can't wait for each other.
# Under that lock a stream's moments only grow: what lies beyond an event is no older than it.
LEAVE = kept(
    text(
        """
    with wanted as (
        select * from unnest(
            :streams, :companies, :types, cast(:bodies as jsonb[]), :places, :counts
        ) as one (stream, company_id, type, body, place, count)
    ), heads as (
        insert into stream as head (stream, company_id, seq, at)
        select distinct on (stream) stream, company_id, count, clock_timestamp()
        from wanted order by stream
        on conflict (stream) do update
        set seq = head.seq + excluded.seq, at = greatest(head.at, clock_timestamp())
        returning stream, seq, at
    ), noted as (
        insert into audit_entry
            (id, action, actor_id, company_id, address, request_id, changes)
        select :id, :action, :actor, :company, :address, :request, cast(:changes as jsonb)
        where :changes <> '[]'
    )
    insert into event (stream, seq, company_id, type, body, actor_id, at)
    select stream, seq - count + place, company_id, type, body, :actor, at
    from wanted join heads using (stream)
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


def record(
    session: AsyncSession, stream: str, type: str, body: dict[str, Any], company_id: UUID | None
) -> None:
    """Note that something happened; it is numbered and stored when the unit of work ends."""
    session.info["recorded"].append(Recorded(stream, company_id, type, body))


def count(session: AsyncSession, verb: str, what: str, much: int) -> None:
    """Note how much was done: it joins the figures of the process once that is committed."""
    session.info["counted"][verb, what] += much


async def leave(session: AsyncSession, recorded: Sequence[Recorded], note: Note) -> Written:
    """Store the events, numbered within their streams, and the audit row when rows changed.

    Answers the events in the order in which they were recorded, with numbers and moments.
    """
    if not recorded and not note.changes:
        return []
    rows = await session.execute(LEAVE, {**_events(recorded), **_note(note)})
    numbered: dict[str, list[tuple[int, datetime]]] = defaultdict(list)
    for stream, seq, at in rows:
        numbered[stream].append((seq, at))
    following = {stream: iter(sorted(found)) for stream, found in numbered.items()}
    return [(one, *next(following[one.stream])) for one in recorded]


def _events(recorded: Sequence[Recorded]) -> dict[str, Any]:
    counts = Counter(one.stream for one in recorded)
    seen: Counter[str] = Counter()
    places = []
    for one in recorded:
        seen[one.stream] += 1
        places.append(seen[one.stream])
    return {
        "streams": [one.stream for one in recorded],
        "companies": [one.company_id for one in recorded],
        "types": [one.type for one in recorded],
        "bodies": [orjson.dumps(one.body).decode() for one in recorded],
        "places": places,
        "counts": [counts[one.stream] for one in recorded],
    }


def _note(note: Note) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "action": note.action,
        "actor": note.actor_id,
        "company": note.company_id,
        "address": note.address,
        "request": note.request_id,
        "changes": orjson.dumps(note.changes).decode(),
    }
