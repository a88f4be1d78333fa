"""Fan-out groups on their own: the lifetime of a group, and members that join late."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from database.announcer import EventNotice
from database.base import uuid7
from execution import Answer
from execution.fanout_port import FanoutPort
from resolvers.context import Container
from services.core.cursors import STREAM_START, position_after
from subscriptions.engine.fanout import FanoutMember
from subscriptions.engine.hub import Hub
from subscriptions.engine.stream_reader import EventStreamReader, StreamItem
from tests.support.waiting import until

NOW = datetime.now(UTC)


@pytest.fixture
def hub(container: Container) -> Hub:
    assert isinstance(container.streams, Hub)
    return container.streams


@dataclass
class RecordingMember:
    """A member of a group, and the event numbers that its sink received."""

    member: FanoutMember
    received_seqs: list[int] = field(default_factory=list)


def member_at(stream: str, seq: int) -> RecordingMember:
    """Create a member at a position whose answers are event numbers."""

    async def make_answer(item: StreamItem) -> Answer:
        assert item.notice is not None
        return Answer(item.notice.seq)

    def sink(answer: Answer) -> bool:
        recording.received_seqs.append(answer.data)
        return True

    port = FanoutPort("all", make_answer, sink)
    recording = RecordingMember(FanoutMember({stream: position_after(seq, NOW)}, port, make_answer))
    return recording


def reader_at(hub: Hub, stream: str, seq: int) -> EventStreamReader:
    """Create a reader at a position."""
    reader = EventStreamReader(hub, [stream], None)
    reader.start_at({stream: position_after(seq, NOW)}, lagging=False)
    return reader


def listener_counts(hub: Hub) -> dict[str, int]:
    return {stream: len(listeners) for stream, listeners in hub._listeners.items()}


async def test_a_group_that_ends_before_its_first_step_releases_late_members(
    hub: Hub,
) -> None:
    before = listener_counts(hub)
    reader = EventStreamReader(hub, ["order:unknown"], None)
    reader.start_at({"order:unknown": STREAM_START}, lagging=False)
    key = ("unknown",)
    hub.fanout_groups.register(key)
    hub.fanout_groups.register(key)

    async def make_answer(item: StreamItem) -> Answer:
        raise AssertionError("there is no member")

    port = FanoutPort("all", make_answer, lambda answer: True)
    group = hub.fanout_groups.find_or_create(key, reader, port.sharing_key)
    assert group is not None
    first = FanoutMember({"order:unknown": STREAM_START}, port, make_answer)
    group.add(first)
    group.remove(first)
    next_group = hub.fanout_groups.find_or_create(key, reader, port.sharing_key)
    assert next_group is not None
    assert next_group is not group
    late = FanoutMember({"order:unknown": STREAM_START}, port, make_answer)
    group.add(late)  # as a member that was accepted just before
    await asyncio.wait_for(late.released, 1)
    await next_group.close()
    reader.close()
    hub.fanout_groups.unregister(key)
    hub.fanout_groups.unregister(key)
    assert listener_counts(hub) == before


async def test_a_late_member_receives_recent_events_while_joining(hub: Hub) -> None:
    stream, groups = f"order:{uuid7()}", hub.fanout_groups
    key = (stream,)
    groups.register(key)
    groups.register(key)
    readers = [reader_at(hub, stream, seq) for seq in (0, 1, 3)]
    group = groups.find_or_create(key, readers[0], "all")
    assert group is not None
    first, late = member_at(stream, 0), member_at(stream, 1)
    assert group.add(first.member)
    for seq in (1, 2, 3):
        await hub.publish_events([EventNotice(stream, seq, "LINE_PICKED", {}, NOW)])
    await until(lambda: first.received_seqs == [1, 2, 3])
    assert groups.find_or_create(key, readers[1], "others") is None
    assert groups.find_or_create(key, readers[1], "all") is group
    assert group.add(late.member)
    assert late.received_seqs == [2, 3]
    group._recent_events.clear()  # as after RECENT_EVENT_SECONDS
    assert groups.find_or_create(key, readers[1], "all") is None
    assert groups.find_or_create(key, readers[2], "all") is group
    await group.close()
    for reader in readers:
        reader.close()
