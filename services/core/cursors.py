"""Cursors of streams: the last event that a listener has seen, and the proof that it is that one.

The proof is the moment of the event's writing. A log that was restored from a backup, emptied or
cut off at its old end has no such event at that number, so the listener learns that it lags behind
instead of missing events without a word.
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

from database.statements import kept
from models.events import Event, Stream
from services.core import pages
from services.core.problems import InvalidInput, Refused

RESUME_EVENTS = 10_000
CURSOR_CHARS = 8_000
TAG_BYTES = 6
UNIX = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
Places = Mapping[str, "Place"]
HEADS = kept(
    select(Stream.stream, Stream.seq, Stream.at).where(
        Stream.stream == any_(bindparam("streams", type_=ARRAY(Text)))
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """A number in a stream and the Unix microsecond of that event's writing; 0, 0 before all."""

    seq: int = 0
    mark: int = 0


START = Place()


def place_of(seq: int, at: datetime) -> Place:
    """The place right after an event."""
    return Place(seq, (at - UNIX) // MICROSECOND)


def encode(places: Places) -> str:
    """One opaque cursor for the places in one or several streams."""
    return pages.cursor(*parts(places))


def parts(places: Places) -> list[str | int]:
    """What such a cursor holds: three values a stream."""
    return [part for name, at in sorted(places.items()) for part in (_tag(name), at.seq, at.mark)]


def decode(text: str, streams: Iterable[str]) -> dict[str, Place] | None:
    """The places a cursor holds; None when it covers only a part of these streams.

    Refused when it is not one of ours, or when it is of other streams.
    """
    held = _held(text)
    known = {_tag(name): name for name in streams}
    places = {known[tag]: place for tag, place in held.items() if tag in known}
    if held and not places:
        raise Refused(InvalidInput(path=["after"], message="That cursor is of another stream."))
    return places if len(places) == len(known) else None


async def heads(session: AsyncSession, streams: Iterable[str]) -> dict[str, Place]:
    """Where each stream ends now; its beginning when nothing has happened in it."""
    wanted = list(streams)
    rows: Iterable[Any] = await session.execute(HEADS, {"streams": wanted})
    found = {name: Place(seq) if at is None else place_of(seq, at) for name, seq, at in rows}
    return {name: found.get(name, START) for name in wanted}


async def continues(session: AsyncSession, places: Places, ends: Places) -> bool:
    """Whether every event after these places is still there, and not too many up to the ends."""
    if any(not 0 <= ends[name].seq - at.seq <= RESUME_EVENTS for name, at in places.items()):
        return False
    moved = {name: at for name, at in places.items() if at != ends[name]}
    if not moved:
        return True
    begun = [name for name, at in moved.items() if at == START]
    seen = [(name, at.seq, UNIX + at.mark * MICROSECOND) for name, at in moved.items() if at.seq]
    # Of an event whose moment is known only its own day is looked at, of a first one every day.
    proof: ColumnElement[bool] = tuple_(Event.stream, Event.seq, Event.at).in_(seen)
    if begun:
        proof |= Event.stream.in_(begun) & (Event.seq == 1)
    rows = await session.scalars(select(Event.stream).where(proof))
    return set(rows) == moved.keys()


def _held(text: str) -> dict[str, Place]:
    """What a cursor says: three values a stream."""
    try:
        if len(text) > CURSOR_CHARS:
            raise ValueError(text)
        held = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(held, list) or not held or len(held) % 3:
            raise ValueError(held)
        groups = [held[start : start + 3] for start in range(0, len(held), 3)]
        return {_text(tag): Place(_count(seq), _count(mark)) for tag, seq, mark in groups}
    except (ValueError, TypeError):
        said = "That cursor is not one of ours."
        raise Refused(InvalidInput(path=["after"], message=said)) from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise TypeError(value)
    return value


def _tag(stream: str) -> str:
    return blake2s(stream.encode(), digest_size=TAG_BYTES).hexdigest()
