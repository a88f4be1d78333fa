"""The course of one subscription: admitted, placed in its streams, fed, and admitted again.

Every subscription is a loop over the steps of a flow. Without a cursor, or with one that can't be
continued, the first step is a snapshot (SNAPSHOT, LAGGED); after it comes every event, in order.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Annotated, Any, TypeVar
from uuid import UUID

import strawberry

from execution.shared import Shared
from models import PLATFORM
from models.database import Hint
from models.event import MessageKind
from resolvers.context import Context
from resolvers.rules import Denied
from services import cursor as cursors
from services.refusal import Refused
from subscriptions.message import ANSWERS_COUNT, Message

log = logging.getLogger("darkstore.streams")

ADMIT_SECONDS = 4.5
OWNED_SECONDS = 60.0
UNPROVED_SECONDS = 60.0
STREAMS_COUNT = 50

TOLD_TO_ALL = (MessageKind.EVENT, MessageKind.POSITION)

M = TypeVar("M", bound=Message)
Admit = Callable[[], Awaitable[None]]
After = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of the last message you have: what came after it follows, each"
        " event once. Without it the first message is a snapshot."
    ),
]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to tell: a snapshot, an event (with its hint), or a lossy value."""

    kind: MessageKind
    cursor: str
    hint: Hint | None = None
    value: dict[str, Any] | None = None


class Flow:
    """`admit` raises Refused or Denied unless the actor may listen; it is asked again and again."""

    def __init__(
        self,
        context: Context,
        streams: Sequence[str],
        after: str | None,
        admit: Admit,
        topic: str | None = None,
    ) -> None:
        self._context = context
        self._streams = streams[:STREAMS_COUNT]
        self._after = context.last_event_id or after
        self._admit = admit
        self._topic = topic
        self._places: dict[str, cursors.Place] = {}
        self._ready: deque[Step] = deque()
        # One waiting item: a slow reader holds up its own pumps, and the hub lets them lag.
        self._inbox: asyncio.Queue[Any] = asyncio.Queue(1)
        self._pumps: list[asyncio.Task[None]] = []
        self._proved_at = self._owned_at = 0.0

    async def __aenter__(self) -> "Flow":
        await self._admit()
        self._proved_at = self._owned_at = time.monotonic()
        kind = await self._place()
        if kind is not None:
            self._ready.append(Step(kind, cursors.encode(self._places)))
        hub = self._context.house.streams
        sources = [hub.events(name, place.seq) for name, place in self._places.items()]
        self._pumps = [asyncio.create_task(self._pump(source)) for source in sources]
        if self._topic is not None:
            self._pumps.append(asyncio.create_task(self._pump(hub.latest(self._topic))))
        if self._context.actor.signed_in:
            self._pumps.append(asyncio.create_task(self._pump(_ticks())))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def steps(self) -> AsyncIterator[Step]:
        """Every step, for as long as the actor may listen."""
        while True:
            step = await self.take()
            if step is not None:
                yield step

    async def told(self, step: Step, make: Callable[[], Awaitable[M]], *marks: Hashable) -> M:
        """The message of a step; one object for all to whom it says the same just now.

        Listeners of the same streams get the same for the same event, if `marks`, on which it
        depends besides, are equal. A snapshot is made for each: it is as new as its listener.
        """
        if step.kind not in TOLD_TO_ALL:
            return await make()
        hint = step.hint
        event = (hint.stream, hint.seq) if hint is not None else repr(step.value)

        async def made() -> M:
            return replace(await make(), answers=Shared(ANSWERS_COUNT))

        key = (tuple(self._streams), step.cursor, event, *marks)
        return await self._context.house.streams.once(key, made)

    async def take(self, within_seconds: float | None = None) -> Step | None:
        """The next step; None when there is none within that time."""
        until = None if within_seconds is None else _now() + within_seconds
        while not self._ready:
            try:
                async with asyncio.timeout_at(until):
                    item = await self._inbox.get()
            except TimeoutError:
                return None
            await self._receive(item)
        return self._ready.popleft()

    async def _place(self) -> MessageKind | None:
        """Find the places to start from; answers the kind of snapshot that must come first."""
        wanted = cursors.decode(self._after, self._streams) if self._after is not None else None
        async with self._context.house.database.read(PLATFORM) as session:
            ends = await cursors.heads(session, self._streams)
            if wanted is not None and await cursors.continues(session, wanted, ends):
                self._places = wanted
                return None
        self._places = ends
        return MessageKind.SNAPSHOT if self._after is None else MessageKind.LAGGED

    async def _pump(self, source: AsyncIterator[Any]) -> None:
        try:
            async with aclosing(source):  # type: ignore[type-var] # all sources are generators
                async for item in source:
                    await self._inbox.put(item)
        except Exception as error:
            await self._inbox.put(error)

    async def _receive(self, item: Any) -> None:
        match item:
            case list():
                # Rows change only with an event: what was read is good for all that came together,
                # and for the positions that follow.
                self._context.loaders.forget()
                self._ready.extend(self._event(hint) for hint in item)
            case dict():
                at = cursors.encode(self._places)
                self._ready.append(Step(MessageKind.POSITION, at, value=item))
            case Exception():
                raise item
            case _:
                await self._readmit()

    def _event(self, hint: Hint) -> Step:
        self._places[hint.stream] = cursors.place_of(hint.seq, hint.at)
        return Step(MessageKind.EVENT, cursors.encode(self._places), hint)

    async def _readmit(self) -> None:
        """End the stream of whoever may not listen any more; forgive a database that is away."""
        try:
            await self._prove()
            if time.monotonic() - self._owned_at > OWNED_SECONDS:
                await self._admit()
                self._owned_at = time.monotonic()
            self._proved_at = time.monotonic()
        except (Refused, Denied):
            raise
        except Exception:
            if time.monotonic() - self._proved_at > UNPROVED_SECONDS:
                raise
            log.warning("a listener could not be admitted again, trying later", exc_info=True)

    async def _prove(self) -> None:
        """The session must not be revoked, and no role of the token may have been taken away."""
        actor = self._context.actor
        if actor.session_id is None:
            return
        held = await self._context.house.identity.standing.grants(actor.session_id)
        if held is None:
            raise Denied("UNAUTHENTICATED", "This session was signed out.")
        if not held.issuperset(actor.grants):
            raise Denied("FORBIDDEN", "Your roles have changed: refresh your access token.")


def key_in(hint: Hint, name: str) -> UUID | None:
    """The key that an event's body holds under a name."""
    text = hint.body.get(name)
    return UUID(str(text)) if text else None


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _ticks() -> AsyncIterator[None]:
    """Now and then, spread out so that listeners don't all ask at once."""
    while True:
        await asyncio.sleep(ADMIT_SECONDS * random.uniform(0.7, 1))
        yield None
