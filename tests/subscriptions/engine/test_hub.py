"""The hub delivers every event once, in order, through failures of Redis."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise

import orjson
import pytest
from redis.asyncio import Redis

from database.announcer import EventNotice
from local.valkey import Valkey
from subscriptions.engine.conflation import CONFLATION_SECONDS, TICK_SECONDS
from subscriptions.engine.listener import MAX_PENDING_NOTICES
from tests.support.streams.server_process import (
    StreamProcess,
    receive_events,
    start_process,
    unique_stream,
)
from tests.support.waiting import until

CUTS = 50


async def test_an_event_reaches_another_process_without_a_read_of_the_log(
    without_sweeps: None, process: StreamProcess, other_process: StreamProcess
) -> None:
    stream = unique_stream()
    listening = asyncio.create_task(receive_events(other_process.hub, stream, 3))
    await until(lambda: other_process.hub.log_read_count == 1)
    for event_type in ("A", "B", "C"):
        await process.record_events(stream, event_type, body={"n": 1})
    notices = await listening
    assert [(notice.seq, notice.type, notice.body) for notice in notices] == [
        (1, "A", {"n": 1}), (2, "B", {"n": 1}), (3, "C", {"n": 1}),
    ]  # fmt: skip
    assert other_process.hub.direct_event_count == 3
    assert other_process.hub.log_read_count == 1


async def test_a_notice_equals_the_event_in_the_log(
    without_sweeps: None, process: StreamProcess, other_process: StreamProcess
) -> None:
    stream, hubs = unique_stream(), [process.hub, other_process.hub]
    listening = [asyncio.create_task(receive_events(hub, stream, 1)) for hub in hubs]
    await until(lambda: all(hub.log_read_count == 1 for hub in hubs))
    await process.record_events(stream, "A", body={"n": 1, "text": "ação"})
    notices = [await task for task in listening]
    assert [hub.direct_event_count for hub in hubs] == [1, 1]
    assert notices == [await receive_events(process.hub, stream, 1)] * 2


async def test_events_of_two_processes_in_one_stream_arrive_in_one_order(
    process: StreamProcess, other_process: StreamProcess
) -> None:
    stream = unique_stream()
    listening = [
        asyncio.create_task(receive_events(writer.hub, stream, 40))
        for writer in (process, other_process)
    ]
    await asyncio.gather(
        *(
            writer.record_events(stream, f"N{n}")
            for n in range(10)
            for writer in (process, other_process, process, other_process)
        )
    )
    first, second = [await task for task in listening]
    assert [notice.seq for notice in first] == list(range(1, 41))
    assert first == second


async def test_events_recorded_before_and_while_listening_starts_are_all_received(
    process: StreamProcess,
) -> None:
    stream = unique_stream()
    await process.record_events(stream, *("A" for _ in range(1200)))
    listening = asyncio.create_task(receive_events(process.hub, stream, 1300))
    for _ in range(10):
        await process.record_events(stream, *("B" for _ in range(10)))
    assert [notice.seq for notice in await listening] == list(range(1, 1301))


async def test_a_listener_cut_fifty_times_receives_every_event_once_in_order(
    process: StreamProcess, other_process: StreamProcess
) -> None:
    stream, last_seq = unique_stream(), 400
    rng = random.Random(20)

    async def write() -> None:
        for n in range(last_seq):
            await rng.choice((process, other_process)).record_events(stream, f"N{n}")
            await asyncio.sleep(rng.random() * 0.01)

    received: list[int] = []
    cuts = 0
    writing = asyncio.create_task(write())
    while len(received) < last_seq:
        hub = rng.choice((process, other_process)).hub
        events = hub.events(stream, received[-1] if received else 0)
        seconds = rng.random() * 0.06 if cuts < CUTS else 10
        await _listen(events, received, seconds, last_seq)
        cuts += 1
    await writing
    assert cuts >= CUTS
    assert received == list(range(1, last_seq + 1))


async def _listen(
    events: AsyncGenerator[Sequence[EventNotice], None],
    received: list[int],
    seconds: float,
    last_seq: int,
) -> None:
    """Listen until the last event or the time limit, which may cut a batch."""
    try:
        async with asyncio.timeout(seconds):
            async for batch in events:
                for notice in batch:
                    received.append(notice.seq)
                    await asyncio.sleep(0)
                if received[-1] >= last_seq:
                    return
    except TimeoutError:
        pass
    finally:
        await events.aclose()


async def test_killing_redis_loses_no_event_and_notices_resume_afterwards(
    database_url: str, broadcast_server: Valkey
) -> None:
    url = broadcast_server.url
    async with (
        start_process(database_url, url) as process,
        start_process(database_url, url) as other_process,
    ):
        stream = unique_stream()
        listening = asyncio.create_task(receive_events(other_process.hub, stream, 30))
        for n in range(30):
            if n in (5, 15):
                await asyncio.to_thread(broadcast_server.kill)
            if n in (10, 20):
                await asyncio.to_thread(broadcast_server.start)
            await process.record_events(stream, f"N{n}")
            await asyncio.sleep(0.05)
        assert [notice.seq for notice in await listening] == list(range(1, 31))
        await until(lambda: process.hub.connected and other_process.hub.connected)
        direct_count = other_process.hub.direct_event_count
        listening = asyncio.create_task(receive_events(other_process.hub, stream, 1, after=30))
        read_count = other_process.hub.log_read_count
        await until(lambda: other_process.hub.log_read_count > read_count)
        await process.record_events(stream, "AGAIN")
        await listening
        assert other_process.hub.direct_event_count == direct_count + 1


async def test_without_redis_streams_continue_from_the_log(
    database_url: str, broadcast_server: Valkey
) -> None:
    url = broadcast_server.url
    async with (
        start_process(database_url, url) as process,
        start_process(database_url, url) as other_process,
    ):
        await asyncio.to_thread(broadcast_server.kill)
        stream = unique_stream()
        listening = asyncio.create_task(receive_events(other_process.hub, stream, 3))
        await until(lambda: other_process.hub.log_read_count == 1)
        await process.record_events(stream, "A", "B", "C")
        assert [notice.type for notice in await listening] == ["A", "B", "C"]
        # The writer dropped its notices instead of waiting for Redis.
        await until(lambda: process.hub._broadcaster.dropped_count >= 3)
        assert other_process.hub.direct_event_count == 0
        task_count = len(asyncio.all_tasks())
        await asyncio.sleep(1.5)
        assert len(asyncio.all_tasks()) <= task_count + 4


async def test_a_stalled_reader_buffers_a_bounded_number_of_notices_and_misses_nothing(
    process: StreamProcess,
) -> None:
    stream = unique_stream()
    events = process.hub.events(stream, 0)
    await process.record_events(stream, "A")
    received = [notice.seq for notice in await anext(events)]
    for n in range(200):
        await process.record_events(stream, f"N{n}")
    (listener,) = process.hub._listeners[stream]
    assert len(listener.notices) <= MAX_PENDING_NOTICES
    while len(received) < 201:
        received.extend(notice.seq for notice in await anext(events))
    await events.aclose()
    assert received == list(range(1, 202))
    assert stream not in process.hub._listeners


async def test_malformed_messages_are_ignored(
    process: StreamProcess, other_process: StreamProcess, redis_url: str
) -> None:
    stream = unique_stream()
    malformed = ["", "{", "null", "[]", '["x","e"]', '["x","e","s",1,"A",{},"never"]', "7"]
    async with Redis.from_url(redis_url) as redis:
        for text in malformed:
            for shard in range(32):
                await redis.publish(f"darkstore:{shard}", text)
    await process.record_events(stream, "A")
    assert len(await receive_events(other_process.hub, stream, 1)) == 1
    assert other_process.hub._broadcaster.restart_count == 0


async def test_a_notice_ahead_of_the_log_is_ignored(
    process: StreamProcess, other_process: StreamProcess
) -> None:
    stream = unique_stream()
    listening = asyncio.create_task(receive_events(other_process.hub, stream, 1))
    await until(lambda: other_process.hub.log_read_count == 1)
    await process.record_events(stream, "A")
    [first] = await listening
    listening = asyncio.create_task(receive_events(other_process.hub, stream, 1, after=1))
    read_count = other_process.hub.log_read_count
    await until(lambda: other_process.hub.log_read_count > read_count)
    await process.hub.publish_events([EventNotice(stream, 7, "FORGED", {}, first.at)])
    await asyncio.sleep(0.1)
    await process.record_events(stream, "B")
    assert [notice.type for notice in await listening] == ["B"]


async def test_a_reader_receives_the_newest_position_at_most_once_a_second(
    process: StreamProcess, other_process: StreamProcess
) -> None:
    topic, received = f"position:{unique_stream()}", list[tuple[float, int]]()
    loop = asyncio.get_running_loop()

    async def read() -> None:
        async for value in other_process.hub.values(topic):
            received.append((loop.time(), value["n"]))
            if value["n"] == 39:
                return

    reading = asyncio.create_task(read())
    await until(lambda: topic in other_process.hub._conflator._listeners)
    for n in range(40):
        await process.hub.publish_value(topic, {"n": n})
        await asyncio.sleep(0.05)
    await asyncio.wait_for(reading, 60)
    assert len(received) > 1
    # Least times between them, which a busy machine only makes longer.
    gap_seconds = CONFLATION_SECONDS - 2 * TICK_SECONDS
    assert all(later - earlier >= gap_seconds for (earlier, _), (later, _) in pairwise(received))
    assert [n for _, n in received] == sorted(n for _, n in received)


async def test_a_value_that_cannot_be_serialized_does_not_fail_the_publisher(
    process: StreamProcess,
) -> None:
    await process.hub.publish_value("position:x", {"n": object()})
    with pytest.raises(TypeError):
        orjson.dumps(object())


async def test_a_hub_of_one_process_needs_no_redis(database_url: str) -> None:
    async with start_process(database_url, "memory://") as process:
        stream = unique_stream()
        listening = asyncio.create_task(receive_events(process.hub, stream, 2))
        await until(lambda: process.hub.log_read_count == 1)
        await process.record_events(stream, "A", "B")
        assert [one.seq for one in await listening] == [1, 2]
        assert process.hub.direct_event_count == 2


async def test_closing_the_hub_leaves_no_task(database_url: str, redis_url: str) -> None:
    before = asyncio.all_tasks()
    async with start_process(database_url, redis_url):
        pass
    await asyncio.sleep(0.05)
    assert not {task for task in asyncio.all_tasks() - before if not task.done()}


async def test_listeners_that_lag_together_read_the_log_together(process: StreamProcess) -> None:
    streams = [unique_stream() for _ in range(20)]
    for stream in streams:
        await process.record_events(stream, "A")
    listening = [
        asyncio.create_task(receive_events(process.hub, stream, 2))
        for stream in streams
        for _ in range(5)
    ]
    await until(lambda: all(len(process.hub._listeners[stream]) == 5 for stream in streams))
    # A hundred listeners at twenty positions: one statement, or two if the first ran before.
    await until(lambda: process.hub.log_read_count >= 1)
    await asyncio.sleep(0.2)
    assert process.hub.log_read_count <= 3
    for stream in streams:
        await process.record_events(stream, "B")
    for notices in await asyncio.gather(*listening):
        assert [notice.type for notice in notices] == ["A", "B"]
    assert process.hub.direct_event_count == 100
