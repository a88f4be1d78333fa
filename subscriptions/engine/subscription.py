"""The course of one subscription: admitted, placed in its streams, fed, and admitted again.

Every subscription is a loop over the messages of a flow. Without a cursor, or with one that can't
be continued, the first tells a snapshot (SNAPSHOT, LAGGED); after it comes every event, in order.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, TypeVar, cast
from uuid import UUID

import strawberry

from database.scope import PLATFORM
from database.sessions import Hint
from execution.fanout_port import Outlet
from execution.running.answer import Answer
from execution.running.shared import Shared
from models.events import MessageKind
from models.identity import Actor
from resolvers.context import Context
from services.core import cursors
from subscriptions.engine.event_log_reader import Gone
from subscriptions.engine.fanout import Circle, Walker
from subscriptions.engine.messages import ANSWERS_COUNT, Message
from subscriptions.engine.stream_reader import Course, Source, Step

if TYPE_CHECKING:
    from subscriptions.engine.hub import Hub

STREAMS_COUNT = 50
TOLD_TO_ALL = (MessageKind.EVENT, MessageKind.POSITION)

M = TypeVar("M", bound=Message)
Admit = Callable[[], Awaitable[None]]
Make = Callable[[Step], Awaitable[M | None]]
After = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of the last message you have: what came after it follows, each"
        " event once. Without it the first message is a snapshot."
    ),
]


class Flow:
    """`admit` raises Refused or Denied unless the actor may listen; it is asked again and again."""

    __slots__ = (
        "__weakref__",
        "_admit",
        "_after",
        "_context",
        "_course",
        "_hub",
        "_source",
        "_streams",
        "_topic",
        "_walker",
    )  # fmt: skip

    def __init__(
        self,
        context: Context,
        streams: Sequence[str],
        after: str | None,
        admit: Admit,
        topic: str | None = None,
        source: Source | None = None,
    ) -> None:
        """`source` tells of the streams where the hub itself would tell too much."""
        self._context = context
        self._hub = cast("Hub", context.house.streams)
        self._source: Source = source or self._hub
        self._streams = tuple(streams[:STREAMS_COUNT])
        self._after = context.last_event_id or after
        self._admit = admit
        self._topic = topic
        self._course: Course | None = None
        self._walker: Walker | None = None

    async def __aenter__(self) -> "Flow":
        await self._admit()
        course = self._course = Course(self._source, self._streams, self._topic)
        try:
            await self._place(course)
        except BaseException:
            course.close()
            raise
        if self.actor.signed_in:
            self._hub.guard.add(self, self._context.house.identity.standing.grants_of)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hub.guard.remove(self)
        if self._course is not None:
            self._course.close()

    @property
    def actor(self) -> Actor:
        """Who listens."""
        return self._context.actor

    async def admit(self) -> None:
        """Raise Refused or Denied unless the actor may still listen."""
        await self._admit()

    def fail(self, fault: Exception) -> None:
        """End the subscription with this error."""
        if self._course is not None:
            self._course.fail(fault)
        elif self._walker is not None:
            self._walker.leave(fault)

    async def steps(self) -> AsyncIterator[Step]:
        """Every step, for as long as the actor may listen."""
        while True:
            step = await self.take()
            if step is not None:
                yield step

    async def messages(self, make: Make[M], *marks: Hashable) -> AsyncIterator[M]:
        """The message of every step, told together with those who hear the same.

        `marks` are what a message depends on besides its streams and its step.
        """
        key = (self._streams, self._topic, *marks)
        self._hub.circles.follow(key)
        try:
            while True:
                while not self._alone.ready:
                    await self._walk_along(key, make, marks)
                    await self._fill()
                message = await self.told(self._alone.ready.popleft(), make, *marks)
                if message is not None:
                    yield message
        finally:
            self._hub.circles.unfollow(key)

    async def told(self, step: Step, make: Make[M], *marks: Hashable) -> M | None:
        """The message of a step; one object for all to whom it says the same just now.

        None when `make` has nothing to say of it.

        Listeners of the same streams get the same for the same event, if `marks`, on which it
        depends besides, are equal. A snapshot is made for each: it is as new as its listener.
        """
        if step.kind not in TOLD_TO_ALL:
            return await make(step)
        hint = step.hint
        event = (hint.stream, hint.seq, hint.events) if hint is not None else repr(step.value)

        async def made() -> M | None:
            message = await make(step)
            return message and replace(message, answers=Shared(ANSWERS_COUNT))

        return await self._hub.once((self._streams, step.cursor, event, *marks), made)

    async def take(self, within_seconds: float | None = None) -> Step | None:
        """The next step; None when there is none within that time."""
        until = None if within_seconds is None else _now() + within_seconds
        while not self._alone.ready:
            try:
                async with asyncio.timeout_at(until):
                    await self._fill()
            except TimeoutError:
                return None
        return self._alone.ready.popleft()

    @property
    def _alone(self) -> Course:
        if self._course is None:
            raise RuntimeError("a subscription that walks with others has no steps of its own")
        return self._course

    async def _fill(self) -> None:
        try:
            came = await self._alone.fill()
        except Gone:
            await self._set_out_anew(self._alone, MessageKind.LAGGED)
            return
        if came:
            # Rows change only with an event: what was read is good for all that came together,
            # and for the positions that follow.
            self._context.loaders.forget()

    async def _place(self, course: Course) -> None:
        """Set out from the cursor, or from the end with a snapshot before all else."""
        wanted = cursors.decode(self._after, self._streams) if self._after is not None else None
        if wanted is not None:
            async with self._context.house.database.read(PLATFORM) as session:
                ends = await cursors.heads(session, self._streams)
                if await cursors.continues(session, wanted, ends):
                    course.set_out(wanted, lagging=wanted != ends)
                    return
        kind = MessageKind.SNAPSHOT if self._after is None else MessageKind.LAGGED
        await self._set_out_anew(course, kind)

    async def _set_out_anew(self, course: Course, kind: MessageKind) -> None:
        """Set out from the ends of the streams, with a snapshot before all else."""
        self._context.loaders.forget()
        async with self._context.house.database.read(PLATFORM) as session:
            ends = await cursors.heads(session, self._streams)
        course.set_out(ends, lagging=False)
        course.ready.append(Step(kind, cursors.encode(ends)))

    async def _walk_along(
        self, key: tuple[Hashable, ...], make: Make[M], marks: tuple[Hashable, ...]
    ) -> None:
        """Leave the loop to a circle, if there is one to join, until it sends us away again."""
        outlet = self._context.outlet
        if outlet is None or not self._alone.free:
            return
        circle = self._hub.circles.open_to(key, self._alone, outlet.audience)
        if circle is not None:
            await self._walk(circle, outlet, make, marks)

    async def _walk(
        self,
        circle: Circle,
        outlet: Outlet,
        make: Make[M],
        marks: tuple[Hashable, ...],
    ) -> None:
        async def tell(step: Step) -> Answer | None:
            self._context.loaders.forget()
            message = await self.told(step, make, *marks)
            return None if message is None else await outlet.answer(message)

        # Nothing is kept of the own course but its places: most will never walk alone again.
        walker = self._walker = Walker(self._alone.places, outlet, tell)
        self._alone.close()
        self._context.loaders.forget()
        self._course = None
        try:
            if circle.join(walker):
                await walker.left
        finally:
            self._walker = None
            circle.drop(walker)
        self._course = Course(self._source, self._streams, self._topic)
        self._course.set_out(walker.places, lagging=True)


def key_in(hint: Hint, name: str) -> UUID | None:
    """The key that an event's body holds under a name."""
    text = hint.body.get(name)
    return UUID(str(text)) if text else None


def _now() -> float:
    return asyncio.get_running_loop().time()
