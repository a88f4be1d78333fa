"""Events recorded during a unit of work, numbered and written in one statement at its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import BigInteger, Text, Uuid


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event not yet numbered."""

    stream: str
    company_id: UUID | None
    type: str
    body: dict[str, Any]


# Heads are locked in the order of their names, so two units of work can't wait for each other.
TAKE_NUMBERS = text(
    """
    insert into stream as head (stream, company_id, seq)
    select s, c, n from unnest(:streams, :companies, :counts) as wanted (s, c, n) order by s
    on conflict (stream) do update set seq = head.seq + excluded.seq
    returning stream, seq
    """
).bindparams(
    bindparam("streams", type_=ARRAY(Text)),
    bindparam("companies", type_=ARRAY(Uuid)),
    bindparam("counts", type_=ARRAY(BigInteger)),
)

WRITE = text(
    """
    insert into event (stream, seq, company_id, type, body, actor_id, at)
    select s, n, c, t, b, :actor, clock_timestamp()
    from unnest(:streams, :numbers, :companies, :types, cast(:bodies as jsonb[]))
        as new (s, n, c, t, b)
    returning stream, seq, at
    """
).bindparams(
    bindparam("streams", type_=ARRAY(Text)),
    bindparam("numbers", type_=ARRAY(BigInteger)),
    bindparam("companies", type_=ARRAY(Uuid)),
    bindparam("types", type_=ARRAY(Text)),
    bindparam("bodies", type_=ARRAY(Text)),
    bindparam("actor", type_=Uuid),
)


def record(
    session: AsyncSession, stream: str, type: str, body: dict[str, Any], company_id: UUID | None
) -> None:
    """Note that something happened; it is numbered and stored when the unit of work ends."""
    session.info["recorded"].append(Recorded(stream, company_id, type, body))


async def write_events(
    session: AsyncSession, recorded: Sequence[Recorded], actor_id: UUID | None
) -> list[tuple[Recorded, int, datetime]]:
    """Number the events within their streams and store them; answers numbers and moments too."""
    if not recorded:
        return []
    counts: dict[str, int] = {}
    company_of: dict[str, UUID | None] = {}
    for one in recorded:
        counts[one.stream] = counts.get(one.stream, 0) + 1
        company_of.setdefault(one.stream, one.company_id)
    heads = await _take_numbers(session, counts, company_of)
    following = {stream: heads[stream] - count + 1 for stream, count in counts.items()}
    written: list[tuple[Recorded, int]] = []
    for one in recorded:
        written.append((one, following[one.stream]))
        following[one.stream] += 1
    rows = await session.execute(
        WRITE,
        {
            "streams": [one.stream for one, _ in written],
            "numbers": [seq for _, seq in written],
            "companies": [one.company_id for one, _ in written],
            "types": [one.type for one, _ in written],
            "bodies": [orjson.dumps(one.body).decode() for one, _ in written],
            "actor": actor_id,
        },
    )
    moments = {(row.stream, row.seq): row.at for row in rows}
    return [(one, seq, moments[one.stream, seq]) for one, seq in written]


async def _take_numbers(
    session: AsyncSession, counts: dict[str, int], company_of: dict[str, UUID | None]
) -> dict[str, int]:
    streams = sorted(counts)
    rows = await session.execute(
        TAKE_NUMBERS,
        {
            "streams": streams,
            "companies": [company_of[stream] for stream in streams],
            "counts": [counts[stream] for stream in streams],
        },
    )
    return {row.stream: row.seq for row in rows}
