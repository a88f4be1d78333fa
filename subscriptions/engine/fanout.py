"""Fan-out: subscriptions at the same position of the same streams share one reader.

A subscription reads alone from its cursor until it has caught up. If other subscriptions follow the
same streams, it then joins their group. The group reads each item once, lets one member of each
sharing key make the answer and passes it to the sinks of all: one call per member. A member whose
sink is full or that lost access leaves the group and reads alone from its last item.

When events come faster than a subscription can read alone, it would never reach exactly the
position of the group: the group therefore keeps its last events, and a subscription that is only
these behind receives them while joining.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass

from execution.fanout_port import FanoutPort
from execution.runtime.answer import Answer
from services.core.cursors import StreamPosition, position_after
from subscriptions.engine.stream_reader import EventStreamReader, StreamItem

log = logging.getLogger("darkstore.streams")

MAX_RECENT_EVENTS = 64
RECENT_EVENT_SECONDS = 2.0

GroupKey = tuple[Hashable, ...]
MakeAnswer = Callable[[StreamItem], Awaitable[Answer | None]]


class FanoutMember:
    """One subscription in a group; `released` is done when it has to read alone again."""

    __slots__ = ("make_answer", "port", "positions", "released")

    def __init__(
        self, positions: dict[str, StreamPosition], port: FanoutPort, make_answer: MakeAnswer
    ) -> None:
        self.positions = positions
        self.port = port
        self.make_answer = make_answer
        self.released: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def deliver(
        self, item: StreamItem, position: StreamPosition | None, answer: Answer | None
    ) -> bool:
        """Send an answer, unless the event was delivered before; False when the sink is full.

        Without an answer only the position moves.
        """
        notice = item.notice
        if notice is None or position is None:
            return answer is None or self.port.sink(answer)
        if notice.seq <= self.positions[notice.stream].seq:
            return True
        if answer is not None and not self.port.sink(answer):
            return False
        self.positions[notice.stream] = position
        return True

    def release(self, error: Exception | None = None) -> None:
        """Make the subscription read alone again, or end with the error."""
        if self.released.done():
            return
        if error is None:
            self.released.set_result(None)
        else:
            self.released.set_exception(error)


@dataclass(frozen=True, slots=True)
class DeliveredEvent:
    """An event that a group has delivered, with its answer per sharing key."""

    item: StreamItem
    position: StreamPosition
    event_count: int
    answers: Mapping[Hashable, Answer | None]


class FanoutGroup:
    """Reads streams for all its members; ends with the last of them."""

    def __init__(self, reader: EventStreamReader) -> None:
        self._reader = reader
        # With a single stream: the number of the newest event whose delivery has begun.
        self._latest_seq = max((position.seq for position in reader.positions.values()), default=0)
        self._recent_events: deque[DeliveredEvent] = deque(maxlen=MAX_RECENT_EVENTS)
        self._recent_events_timer: asyncio.TimerHandle | None = None
        self._members: dict[Hashable, dict[FanoutMember, None]] = {}
        self._member_count = 0
        self._ending = False
        self._task = asyncio.create_task(self._run(), name="fanout-group")
        # A callback and no `finally` in `_run`: a task that is canceled before its first step
        # never enters the coroutine.
        self._task.add_done_callback(self._release_members)

    def __len__(self) -> int:
        return self._member_count

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the group has ended."""
        self._task.add_done_callback(lambda _: callback())

    @property
    def is_ending(self) -> bool:
        """Whether the group has ended or is about to, with all its members released."""
        return self._ending or self._task.done()

    def accepts(self, positions: dict[str, StreamPosition], sharing_key: Hashable) -> bool:
        """Whether a member at these positions would miss no event.

        In a single stream it may be ahead: events it has received are not delivered again. It may
        also be behind by the recent events, if they were answered for its sharing key.
        """
        if len(positions) != 1:
            return positions == self._reader.positions
        (seq,) = (position.seq for position in positions.values())
        if seq >= self._latest_seq:
            return True
        missed = [event for event in self._recent_events if event.position.seq > seq]
        return (
            bool(missed)
            and missed[0].position.seq - missed[0].event_count <= seq
            and missed[-1].position.seq == self._latest_seq
            and all(sharing_key in event.answers for event in missed)
        )

    def add(self, member: FanoutMember) -> bool:
        """Add a member; False when its sink is full before it has caught up."""
        sharing_key = member.port.sharing_key
        for event in self._recent_events:
            if not member.deliver(event.item, event.position, event.answers.get(sharing_key)):
                return False
        self._members.setdefault(sharing_key, {})[member] = None
        self._member_count += 1
        return True

    def remove(self, member: FanoutMember) -> None:
        """Remove a member; the group ends with the last one."""
        members = self._members.get(member.port.sharing_key)
        if members is None or member not in members:
            return
        del members[member]
        self._member_count -= 1
        if not members:
            del self._members[member.port.sharing_key]
        if not self._members:
            self._ending = True
            self._task.cancel()

    async def close(self) -> None:
        self._ending = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while True:
                await self._reader.fetch()
                while self._reader.ready:
                    await self._deliver(self._reader.ready.popleft())
        except Exception as error:
            # Each member meets the error alone, and only the members that it concerns.
            log.info("a fan-out group of %d ends: %r", self._member_count, error)

    def _release_members(self, task: asyncio.Task[None]) -> None:
        self._reader.close()
        if self._recent_events_timer is not None:
            self._recent_events_timer.cancel()
        for members in self._members.values():
            for member in members:
                member.release()
        self._members.clear()
        self._member_count = 0

    async def _deliver(self, item: StreamItem) -> None:
        notice = item.notice
        position = None if notice is None else position_after(notice.seq, notice.at)
        if notice is not None:
            self._latest_seq = notice.seq
        answers: dict[Hashable, Answer | None] = {}
        for sharing_key in list(self._members):
            members = self._members.get(sharing_key)
            if not members:
                continue  # they left while the others were served
            answer = answers[sharing_key] = await next(iter(members)).make_answer(item)
            full = [member for member in members if not member.deliver(item, position, answer)]
            for member in full:
                self.remove(member)
                member.release()
        if notice is not None and position is not None:
            self._keep_recent(DeliveredEvent(item, position, notice.event_count, answers))

    def _keep_recent(self, event: DeliveredEvent) -> None:
        """Keep an event for late members until none has followed for RECENT_EVENT_SECONDS."""
        self._recent_events.append(event)
        if self._recent_events_timer is not None:
            self._recent_events_timer.cancel()
        loop = asyncio.get_running_loop()
        self._recent_events_timer = loop.call_later(RECENT_EVENT_SECONDS, self._recent_events.clear)


class FanoutGroups:
    """The groups of a process; one is created when a second subscription has an equal key."""

    def __init__(self) -> None:
        self._subscription_counts: Counter[GroupKey] = Counter()
        self._groups: dict[GroupKey, FanoutGroup] = {}

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def member_count(self) -> int:
        """How many subscriptions are members of a group now."""
        return sum(map(len, self._groups.values()))

    def register(self, key: GroupKey) -> None:
        """Count a subscription with this key, whether it reads alone or in a group."""
        self._subscription_counts[key] += 1

    def unregister(self, key: GroupKey) -> None:
        self._subscription_counts[key] -= 1
        if not self._subscription_counts[key]:
            del self._subscription_counts[key]

    def find_or_create(
        self, key: GroupKey, reader: EventStreamReader, sharing_key: Hashable
    ) -> FanoutGroup | None:
        """Return the group that this reader's subscription can join now without missing events.

        None when there is none, or while the subscription is the only one or lags.
        """
        group = self._groups.get(key)
        if group is not None and not group.is_ending:
            return group if group.accepts(reader.positions, sharing_key) else None
        if self._subscription_counts[key] < 2 or reader.lagging:
            return None
        group_reader = EventStreamReader(reader.source, reader.streams, reader.topic)
        group_reader.start_at(dict(reader.positions), lagging=not reader.idle)
        group = self._groups[key] = FanoutGroup(group_reader)
        group.on_end(lambda: self._remove(key, group))
        return group

    def _remove(self, key: GroupKey, group: FanoutGroup) -> None:
        if self._groups.get(key) is group:
            del self._groups[key]

    async def close(self) -> None:
        for group in list(self._groups.values()):
            await group.close()
