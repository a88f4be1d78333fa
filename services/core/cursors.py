"""Stream cursors: the last event that a subscriber has received, with a proof of its identity.

The proof is the time when the event was written. If the log was restored from a backup, emptied or
truncated, it has no event with that number and time, so the subscriber is told that it lags
instead of missing events silently.
"""

from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2s
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Text, any_, bindparam, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.events import Event, Stream
from services.core import pages
from services.core.problems import DomainError, InvalidInput

MAX_RESUME_EVENTS = 10_000
MAX_CURSOR_CHARS = 8_000
TAG_BYTES = 6
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
StreamPositions = Mapping[str, "StreamPosition"]
STREAM_HEADS = prepared(
    select(Stream.stream, Stream.seq, Stream.at).where(
        Stream.stream == any_(bindparam("streams", type_=ARRAY(Text)))
    )
)


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """A sequence number and the Unix microsecond when that event was written; 0, 0 at the start."""

    seq: int = 0
    written_micros: int = 0


STREAM_START = StreamPosition()


def position_after(seq: int, at: datetime) -> StreamPosition:
    """Return the position right after an event."""
    return StreamPosition(seq, (at - UNIX_EPOCH) // MICROSECOND)


def encode_cursor(positions: StreamPositions) -> str:
    """Encode the positions in one or several streams as one opaque cursor."""
    return pages.encode_cursor(*cursor_values(positions))


def cursor_values(positions: StreamPositions) -> list[str | int]:
    """Return the content of a cursor: tag, sequence number and write time of each stream."""
    return [
        value
        for name, position in sorted(positions.items())
        for value in (_tag(name), position.seq, position.written_micros)
    ]


def decode_cursor(text: str, streams: Iterable[str]) -> dict[str, StreamPosition] | None:
    """Decode a cursor; None when it covers only some of these streams.

    Raises DomainError: InvalidInput for a malformed cursor or one of other streams.
    """
    positions_by_tag = _parse(text)
    names = {_tag(name): name for name in streams}
    positions = {names[tag]: position for tag, position in positions_by_tag.items() if tag in names}
    if positions_by_tag and not positions:
        raise DomainError(InvalidInput(path=["after"], message="That cursor is of another stream."))
    return positions if len(positions) == len(names) else None


async def stream_heads(session: AsyncSession, streams: Iterable[str]) -> dict[str, StreamPosition]:
    """Return the current end of each stream; STREAM_START for one without events."""
    names = list(streams)
    rows: Iterable[Any] = await session.execute(STREAM_HEADS, {"streams": names})
    heads = {
        name: StreamPosition(seq) if at is None else position_after(seq, at)
        for name, seq, at in rows
    }
    return {name: heads.get(name, STREAM_START) for name in names}


async def can_resume(
    session: AsyncSession, positions: StreamPositions, heads: StreamPositions
) -> bool:
    """Return whether all events after the positions still exist and are few enough to replay."""
    if any(
        not 0 <= heads[name].seq - position.seq <= MAX_RESUME_EVENTS
        for name, position in positions.items()
    ):
        return False
    behind = {name: position for name, position in positions.items() if position != heads[name]}
    if not behind:
        return True
    from_start = [name for name, position in behind.items() if position == STREAM_START]
    last_seen = [
        (name, position.seq, UNIX_EPOCH + position.written_micros * MICROSECOND)
        for name, position in behind.items()
        if position.seq
    ]
    # With a known time one daily partition is scanned; the first event needs all partitions.
    proof: ColumnElement[bool] = tuple_(Event.stream, Event.seq, Event.at).in_(last_seen)
    if from_start:
        proof |= Event.stream.in_(from_start) & (Event.seq == 1)
    rows = await session.scalars(select(Event.stream).where(proof))
    return set(rows) == behind.keys()


def _parse(text: str) -> dict[str, StreamPosition]:
    """Return the positions in a cursor by stream tag."""
    try:
        if len(text) > MAX_CURSOR_CHARS:
            raise ValueError(text)
        values = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(values, list) or not values or len(values) % 3:
            raise ValueError(values)
        groups = [values[start : start + 3] for start in range(0, len(values), 3)]
        return {
            _string(tag): StreamPosition(_safe_integer(seq), _safe_integer(micros))
            for tag, seq, micros in groups
        }
    except (ValueError, TypeError):
        message = "That cursor is not one of ours."
        raise DomainError(InvalidInput(path=["after"], message=message)) from None


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _safe_integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise TypeError(value)
    return value


def _tag(stream: str) -> str:
    return blake2s(stream.encode(), digest_size=TAG_BYTES).hexdigest()
