"""The hub: every event once, in order, whatever dies meanwhile."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Sequence

import orjson
import pytest
from redis.asyncio import Redis

from database.sessions import Hint
from local.valkey import Valkey
from subscriptions.engine import hub
from subscriptions.engine.listener import HELD_HINTS
from tests.support.streams.server_process import Process, heard, name, process, until

CUTS = 50
TRIES = 10


async def test_an_event_of_one_process_is_heard_in_the_other_without_reading_the_log(
    here: Process, there: Process
) -> None:
    stream = name()
    listening = asyncio.create_task(heard(there.hub, stream, 3))
    await until(lambda: there.hub.log_reads == 1)
    started = time.monotonic()
    for named in ("A", "B", "C"):
        await here.happen(stream, named, body={"n": 1})
    events = await listening
    assert time.monotonic() - started < 1
    assert [(one.seq, one.type, one.body) for one in events] == [
        (1, "A", {"n": 1}), (2, "B", {"n": 1}), (3, "C", {"n": 1}),
    ]  # fmt: skip
    assert there.hub.told_directly == 3
    assert there.hub.log_reads == 1


async def test_what_is_told_directly_is_the_same_as_what_the_log_holds(
    here: Process, there: Process
) -> None:
    for _ in range(TRIES):  # on a busy machine a look at the log may be faster
        stream = name()
        listening = [asyncio.create_task(heard(one.hub, stream, 1)) for one in (here, there)]
        await asyncio.sleep(0.1)
        await here.happen(stream, "A", body={"n": 1, "text": "ação"})
        told = [await one for one in listening]
        assert told == [await heard(here.hub, stream, 1)] * 2
        if here.hub.told_directly and there.hub.told_directly:
            return
    raise AssertionError("nothing was told directly")


async def test_two_processes_that_write_one_stream_are_heard_as_one(
    here: Process, there: Process
) -> None:
    stream = name()
    listening = [asyncio.create_task(heard(one.hub, stream, 40)) for one in (here, there)]
    await asyncio.gather(
        *(one.happen(stream, f"N{n}") for n in range(10) for one in (here, there, here, there))
    )
    told = [await one for one in listening]
    assert [one.seq for one in told[0]] == list(range(1, 41))
    assert told[0] == told[1]


async def test_events_that_were_recorded_before_and_while_listening_begins_are_all_heard(
    here: Process,
) -> None:
    stream = name()
    await here.happen(stream, *("A" for _ in range(1200)))
    listening = asyncio.create_task(heard(here.hub, stream, 1300))
    for _ in range(10):
        await here.happen(stream, *("B" for _ in range(10)))
    assert [one.seq for one in await listening] == list(range(1, 1301))


async def test_a_subscriber_cut_at_random_fifty_times_sees_every_event_once_in_order(
    here: Process, there: Process
) -> None:
    stream, last, done = name(), 400, asyncio.Event()
    chance = random.Random(20)

    async def write() -> None:
        for n in range(last):
            await chance.choice((here, there)).happen(stream, f"N{n}")
            await asyncio.sleep(chance.random() * 0.01)
        done.set()

    seen: list[int] = []
    cuts = 0
    writing = asyncio.create_task(write())
    while len(seen) < last:
        events = chance.choice((here, there)).hub.events(stream, seen[-1] if seen else 0)
        life = chance.random() * 0.06 if cuts < CUTS else 10
        await _listen(events, seen, life, last)
        cuts += 1
    await writing
    assert cuts >= CUTS
    assert seen == list(range(1, last + 1))


async def _listen(
    events: AsyncGenerator[Sequence[Hint], None], seen: list[int], seconds: float, last: int
) -> None:
    """Listen until the line is cut, perhaps in the middle of a batch."""
    try:
        async with asyncio.timeout(seconds):
            async for batch in events:
                for hint in batch:
                    seen.append(hint.seq)
                    await asyncio.sleep(0)
                if seen[-1] >= last:
                    return
    except TimeoutError:
        pass
    finally:
        await events.aclose()


async def test_killing_redis_under_a_stream_loses_nothing_and_it_is_fast_again_after(
    database_url: str, carrier_server: Valkey
) -> None:
    url = carrier_server.url
    async with process(database_url, url) as here, process(database_url, url) as there:
        stream = name()
        listening = asyncio.create_task(heard(there.hub, stream, 30))
        for n in range(30):
            if n in (5, 15):
                await asyncio.to_thread(carrier_server.kill)
            if n in (10, 20):
                await asyncio.to_thread(carrier_server.start)
            await here.happen(stream, f"N{n}")
            await asyncio.sleep(0.05)
        assert [one.seq for one in await listening] == list(range(1, 31))
        await until(lambda: here.hub.carried and there.hub.carried)
        directly = there.hub.told_directly
        listening = asyncio.create_task(heard(there.hub, stream, 1, after=30))
        reads = there.hub.log_reads
        await until(lambda: there.hub.log_reads > reads)
        await here.happen(stream, "AGAIN")
        await listening
        assert there.hub.told_directly == directly + 1


async def test_without_redis_streams_go_on_from_the_log(
    database_url: str, carrier_server: Valkey
) -> None:
    url = carrier_server.url
    async with process(database_url, url) as here, process(database_url, url) as there:
        await asyncio.to_thread(carrier_server.kill)
        stream = name()
        listening = asyncio.create_task(heard(there.hub, stream, 3))
        await asyncio.sleep(0.2)
        started = time.monotonic()
        await here.happen(stream, "A", "B", "C")
        announced = time.monotonic() - started
        assert [one.type for one in await listening] == ["A", "B", "C"]
        assert time.monotonic() - started < 2 * hub.SWEEP_SECONDS
        assert announced < 0.5
        tasks = len(asyncio.all_tasks())
        await asyncio.sleep(1.5)
        assert len(asyncio.all_tasks()) <= tasks + 4


async def test_a_reader_who_stands_still_holds_a_bounded_number_of_hints_and_misses_nothing(
    here: Process,
) -> None:
    stream = name()
    events = here.hub.events(stream, 0)
    await here.happen(stream, "A")
    seen = [one.seq for one in await anext(events)]
    for n in range(200):
        await here.happen(stream, f"N{n}")
    (listener,) = here.hub._listeners[stream]
    assert len(listener.hints) <= HELD_HINTS
    while len(seen) < 201:
        seen.extend(one.seq for one in await anext(events))
    await events.aclose()
    assert seen == list(range(1, 202))
    assert stream not in here.hub._listeners


async def test_nonsense_on_the_channels_is_ignored(
    here: Process, there: Process, redis_url: str
) -> None:
    stream = name()
    nonsense = ["", "{", "null", "[]", '["x","e"]', '["x","e","s",1,"A",{},"never"]', "7"]
    async with Redis.from_url(redis_url) as redis:
        for text in nonsense:
            for shard in range(32):
                await redis.publish(f"darkstore:{shard}", text)
    await here.happen(stream, "A")
    assert len(await heard(there.hub, stream, 1)) == 1
    assert there.hub._carrier.restarts == 0


async def test_a_hint_from_the_future_is_not_believed(here: Process, there: Process) -> None:
    stream = name()
    listening = asyncio.create_task(heard(there.hub, stream, 1))
    await until(lambda: there.hub.log_reads == 1)
    await here.happen(stream, "A")
    [first] = await listening
    listening = asyncio.create_task(heard(there.hub, stream, 1, after=1))
    reads = there.hub.log_reads
    await until(lambda: there.hub.log_reads > reads)
    await here.hub.announce([Hint(stream, 7, "FORGED", {}, first.at)])
    await asyncio.sleep(0.1)
    await here.happen(stream, "B")
    assert [one.type for one in await listening] == ["B"]


async def test_of_a_position_only_the_newest_counts_and_at_most_one_a_second(
    here: Process, there: Process
) -> None:
    topic, seen = f"position:{name()}", []
    started = time.monotonic()

    async def watch() -> None:
        async for value in there.hub.latest(topic):
            seen.append((time.monotonic() - started, value["n"]))
            if value["n"] == 39:
                return

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.05)
    for n in range(40):
        await here.hub.tell(topic, {"n": n})
        await asyncio.sleep(0.05)
    await asyncio.wait_for(watching, 5)
    assert len(seen) <= 4
    assert [n for _, n in seen] == sorted(n for _, n in seen)


async def test_a_hint_too_strange_to_be_sent_never_fails_the_write(here: Process) -> None:
    await here.hub.tell("position:x", {"n": object()})
    with pytest.raises(TypeError):
        orjson.dumps(object())


async def test_a_hub_of_one_process_needs_no_redis(database_url: str) -> None:
    async with process(database_url, "memory://") as alone:
        stream = name()
        listening = asyncio.create_task(heard(alone.hub, stream, 2))
        await until(lambda: alone.hub.log_reads == 1)
        await alone.happen(stream, "A", "B")
        assert [one.seq for one in await listening] == [1, 2]
        assert alone.hub.told_directly == 2


async def test_closing_the_hub_leaves_no_task_behind(database_url: str, redis_url: str) -> None:
    before = asyncio.all_tasks()
    async with process(database_url, redis_url):
        pass
    await asyncio.sleep(0.05)
    assert not {one for one in asyncio.all_tasks() - before if not one.done()}


async def test_those_who_lag_together_read_the_log_together(here: Process) -> None:
    streams = [name() for _ in range(20)]
    for stream in streams:
        await here.happen(stream, "A")
    listening = [
        asyncio.create_task(heard(here.hub, stream, 2)) for stream in streams for _ in range(5)
    ]
    await until(lambda: all(len(here.hub._listeners[stream]) == 5 for stream in streams))
    # A hundred listeners in twenty places: one statement, or two if the first had left already.
    await until(lambda: here.hub.log_reads >= 1)
    await asyncio.sleep(0.2)
    assert here.hub.log_reads <= 3
    for stream in streams:
        await here.happen(stream, "B")
    for found in await asyncio.gather(*listening):
        assert [one.type for one in found] == ["A", "B"]
    assert here.hub.told_directly == 100
