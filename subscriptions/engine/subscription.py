"""One subscription: checks access, finds the start position, and yields messages.

Every subscription field is a loop over the messages of a `StreamSubscription`. Without a cursor, or
with one that can't be resumed, the first message is a snapshot (SNAPSHOT, LAGGED); every event
follows it, in order.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry

from database.announcer import EventNotice
from database.scope import PLATFORM
from execution.fanout_port import FanoutPort
from execution.runtime.answer import Answer
from execution.runtime.single_flight import SingleFlightCache
from models.events import StreamMessageKind
from models.identity import Actor
from resolvers.context import Context
from services.core import cursors
from subscriptions.engine.access_monitor import GrantsOf
from subscriptions.engine.event_log_reader import EventsExpired
from subscriptions.engine.fanout import FanoutGroup, FanoutMember
from subscriptions.engine.hub import hub_of
from subscriptions.engine.messages import MAX_SHARED_ANSWERS, StreamMessage
from subscriptions.engine.stream_reader import EventSource, EventStreamReader, StreamItem

MAX_STREAMS = 50
SHAREABLE_KINDS = (StreamMessageKind.EVENT, StreamMessageKind.POSITION)

M = TypeVar("M", bound=StreamMessage)
CheckAccess = Callable[[], Awaitable[None]]
MakeMessage = Callable[[StreamItem], Awaitable[M | None]]
After = Annotated[
    str | None,
    strawberry.argument(
        description="Cursor of the last message received; the events after it follow, each once."
        " Without it the first message is a snapshot."
    ),
]


class StreamSubscription:
    """Reads streams for one subscriber, alone or as a member of a fan-out group.

    `check_access` raises DomainError or AccessDenied unless the actor has access; it is called at
    the start, once a minute, and when the actor has lost roles. Then it must also raise if another
    set of streams, or another share key, would be chosen for the roles that are left.
    """

    __slots__ = (
        "__weakref__", "_after", "_check_access", "_context", "_hub", "_member", "_reader",
        "_shares_messages", "_source", "_streams", "_topic",
    )  # fmt: skip

    def __init__(
        self,
        context: Context,
        streams: Sequence[str],
        after: str | None,
        check_access: CheckAccess,
        topic: str | None = None,
        source: EventSource | None = None,
    ) -> None:
        """`source` replaces the hub where its single events would be too many."""
        self._context = context
        self._hub = hub_of(context)
        self._source: EventSource = source or self._hub
        self._streams = tuple(streams[:MAX_STREAMS])
        self._after = context.last_event_id or after
        self._check_access = check_access
        self._topic = topic
        self._reader: EventStreamReader | None = None
        self._member: FanoutMember | None = None
        self._shares_messages = True

    async def __aenter__(self) -> "StreamSubscription":
        await self._check_access()
        reader = self._reader = EventStreamReader(self._source, self._streams, self._topic)
        try:
            await self._start(reader)
        except BaseException:
            reader.close()
            raise
        if self.actor.signed_in:
            self._hub.access_monitor.add(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hub.access_monitor.remove(self)
        if self._reader is not None:
            self._reader.close()

    @property
    def actor(self) -> Actor:
        """The subscriber."""
        return self._context.actor

    @property
    def grants_of(self) -> GrantsOf:
        """Reads the current grants and scopes of sessions."""
        return self._context.container.authenticator.session_grants.grants_of

    async def check_access(self) -> None:
        """Raise DomainError or AccessDenied unless the actor still has access."""
        await self._check_access()

    async def limit_to(self, actor: Actor) -> None:
        """Go on as an actor who has lost roles, alone and sharing nothing.

        Raises DomainError or AccessDenied if the subscription needs what was lost.
        """
        self._context.limit_to(actor)
        self._shares_messages = False
        if self._member is not None:
            self._member.release()
        await self.check_access()
        if self._context.rule_denial is not None:
            raise self._context.rule_denial

    def fail(self, error: Exception) -> None:
        """End the subscription with this error."""
        if self._reader is not None:
            self._reader.fail(error)
        elif self._member is not None:
            self._member.release(error)

    async def items(self) -> AsyncIterator[StreamItem]:
        """Yield every item, for as long as the actor has access."""
        while True:
            item = await self.next_item()
            if item is not None:
                yield item

    async def messages(self, make: MakeMessage[M], *share_key: Hashable) -> AsyncIterator[M]:
        """Yield the message of every item, made once for all equal subscriptions.

        `share_key` holds what a message depends on besides its streams and its item.
        """
        key = (self._streams, self._topic, *share_key)
        self._hub.fanout_groups.register(key)
        try:
            while True:
                while not self._own_reader.ready:
                    await self._join_group(key, make, share_key)
                    await self._fetch()
                item = self._own_reader.ready.popleft()
                message = await self.shared_message(item, make, *share_key)
                if message is not None:
                    yield message
        finally:
            self._hub.fanout_groups.unregister(key)

    async def shared_message(
        self, item: StreamItem, make: MakeMessage[M], *share_key: Hashable
    ) -> M | None:
        """Make the message of an item, or return the one that an equal subscription has just made.

        None when `make` has no message for the item. Subscriptions are equal for an event if their
        streams and share keys are. A snapshot is made for each, because it must not be older than
        its subscription.
        """
        if item.kind not in SHAREABLE_KINDS or not self._shares_messages:
            return await make(item)
        notice = item.notice
        event = (
            (notice.stream, notice.seq, notice.event_count)
            if notice is not None
            else repr(item.value)
        )

        async def make_shareable() -> M | None:
            message = await make(item)
            return message and replace(message, answers=SingleFlightCache(MAX_SHARED_ANSWERS))

        return await self._hub.get_or_compute(
            (self._streams, item.cursor, event, *share_key), make_shareable
        )

    async def next_item(self, within_seconds: float | None = None) -> StreamItem | None:
        """Take the next item; None when none comes within that time."""
        deadline = None if within_seconds is None else _now() + within_seconds
        while not self._own_reader.ready:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._fetch()
            except TimeoutError:
                return None
        return self._own_reader.ready.popleft()

    @property
    def _own_reader(self) -> EventStreamReader:
        if self._reader is None:
            raise RuntimeError("a subscription in a fan-out group has no reader of its own")
        return self._reader

    async def _fetch(self) -> None:
        try:
            has_events = await self._own_reader.fetch()
        except EventsExpired:
            await self._start_at_heads(self._own_reader, StreamMessageKind.LAGGED)
            return
        if has_events:
            # Rows change only with an event: loaded rows stay valid for all items of one fetch,
            # and for the positions that follow.
            self._context.loaders.clear()

    async def _start(self, reader: EventStreamReader) -> None:
        """Start at the cursor, or at the heads of the streams with a snapshot."""
        after = self._after
        positions = None if after is None else cursors.decode_cursor(after, self._streams)
        if positions is not None:
            async with self._context.container.database.read(PLATFORM) as session:
                heads = await cursors.stream_heads(session, self._streams)
                if await cursors.can_resume(session, positions, heads):
                    reader.start_at(positions, lagging=positions != heads)
                    return
        kind = StreamMessageKind.SNAPSHOT if after is None else StreamMessageKind.LAGGED
        await self._start_at_heads(reader, kind)

    async def _start_at_heads(self, reader: EventStreamReader, kind: StreamMessageKind) -> None:
        """Start at the heads of the streams, with a snapshot as the first item."""
        self._context.loaders.clear()
        async with self._context.container.database.read(PLATFORM) as session:
            heads = await cursors.stream_heads(session, self._streams)
        reader.start_at(heads, lagging=False)
        reader.ready.append(StreamItem(kind, cursors.encode_cursor(heads)))

    async def _join_group(
        self, key: tuple[Hashable, ...], make: MakeMessage[M], share_key: tuple[Hashable, ...]
    ) -> None:
        """Join a fan-out group, if there is one, until it releases this subscription."""
        port = self._context.fanout_port
        if port is None or not self._own_reader.transferable:
            return
        group = self._hub.fanout_groups.find_or_create(key, self._own_reader, port.sharing_key)
        if group is not None:
            await self._follow_group(group, port, make, share_key)

    async def _follow_group(
        self,
        group: FanoutGroup,
        port: FanoutPort,
        make: MakeMessage[M],
        share_key: tuple[Hashable, ...],
    ) -> None:
        async def make_answer(item: StreamItem) -> Answer | None:
            self._context.loaders.clear()
            message = await self.shared_message(item, make, *share_key)
            return None if message is None else await port.answer(message)

        # Only the positions of the own reader are kept: most members never read alone again.
        member = self._member = FanoutMember(self._own_reader.positions, port, make_answer)
        self._own_reader.close()
        self._context.loaders.clear()
        self._reader = None
        try:
            if group.add(member):
                await member.released
        finally:
            self._member = None
            group.remove(member)
        self._reader = EventStreamReader(self._source, self._streams, self._topic)
        self._reader.start_at(member.positions, lagging=True)


def id_in_body(notice: EventNotice, name: str) -> UUID | None:
    """Return the id that an event's body holds under a name."""
    text = notice.body.get(name)
    return UUID(str(text)) if text else None


def _now() -> float:
    return asyncio.get_running_loop().time()
