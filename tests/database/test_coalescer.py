"""Concurrent reads share statements, and a failure or a cancellation stays with its own caller."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from database.coalescer import MAX_CONCURRENT_READS, CoalescedReads, Coalescer


class BlockableBatch:
    """A batch that waits until `go` is set, fails for the key "bad", and records its calls."""

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []
        self.canceled = 0
        self.go = asyncio.Event()
        self.go.set()

    async def read(self, _session: object, keys: Sequence[Any], *arguments: Any) -> list[Any]:
        self.calls.append(list(keys))
        try:
            await self.go.wait()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.canceled += 1
            raise
        if "bad" in keys:
            raise ValueError("bad")
        return [(key, *arguments) for key in keys]

    async def read_keys(self, keys: Sequence[Any]) -> list[Any]:
        return await self.read(None, keys)


@asynccontextmanager
async def no_session() -> AsyncIterator[Any]:
    yield None


@pytest.fixture
def batch() -> BlockableBatch:
    return BlockableBatch()


@pytest.fixture
def reads() -> CoalescedReads:
    return CoalescedReads(no_session)


async def test_callers_of_one_loop_turn_share_a_read(
    reads: CoalescedReads, batch: BlockableBatch
) -> None:
    calls = (reads.read(batch.read, [f"k{n % 3}"], ("more",)) for n in range(9))
    answers = await asyncio.gather(*calls)
    assert answers == [[(f"k{n % 3}", "more")] for n in range(9)]
    assert batch.calls == [["k0", "k1", "k2"]]


async def test_a_later_caller_is_answered_by_a_later_read(
    reads: CoalescedReads, batch: BlockableBatch
) -> None:
    """What was written before a call is in its answer."""
    batch.go.clear()
    waiting = []
    for nth in range(MAX_CONCURRENT_READS + 3):
        waiting.append(asyncio.create_task(reads.read(batch.read, ["same", nth])))
        await asyncio.sleep(0.01)
    assert len(batch.calls) == MAX_CONCURRENT_READS
    batch.go.set()
    await asyncio.gather(*waiting)
    assert len(batch.calls) == MAX_CONCURRENT_READS + 1
    later = range(MAX_CONCURRENT_READS, MAX_CONCURRENT_READS + 3)
    assert batch.calls[-1] == ["same", *later]


async def test_a_key_that_can_not_be_read_fails_alone(
    reads: CoalescedReads, batch: BlockableBatch
) -> None:
    calls = (reads.read(batch.read, [key]) for key in ("good", "bad", "better"))
    good, bad, better = await asyncio.gather(*calls, return_exceptions=True)
    assert (good, better) == ([("good",)], [("better",)])
    assert isinstance(bad, ValueError)


async def test_a_read_is_canceled_with_its_last_caller(
    reads: CoalescedReads, batch: BlockableBatch
) -> None:
    batch.go.clear()
    waiting = [asyncio.create_task(reads.read(batch.read, ["key"])) for _ in range(2)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    await asyncio.sleep(0.01)
    assert batch.canceled == 0
    waiting[1].cancel()
    await asyncio.sleep(0.01)
    assert batch.canceled == 1
    batch.go.set()
    assert await reads.read(batch.read, ["key"]) == [("key",)]


@pytest.mark.parametrize("turns", range(6))
async def test_callers_canceled_at_any_moment_leave_later_ones_their_turn(
    reads: CoalescedReads, batch: BlockableBatch, turns: int
) -> None:
    """Also at the moment at which their read is scheduled and has not run its first step."""
    for _ in range(MAX_CONCURRENT_READS + 1):
        caller = asyncio.create_task(reads.read(batch.read, ["key"]))
        for _ in range(turns):
            await asyncio.sleep(0)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
    async with asyncio.timeout(5):
        assert await reads.read(batch.read, ["key"]) == [("key",)]


async def test_too_few_answers_are_an_error(reads: CoalescedReads) -> None:
    async def answer_nothing(_session: object, _keys: Sequence[Any]) -> list[Any]:
        return []

    with pytest.raises(LookupError):
        await reads.read(answer_nothing, ["key"])


async def test_a_failed_read_raises_in_every_caller_that_waits_for_it(
    batch: BlockableBatch,
) -> None:
    coalescer: Coalescer[str, Any] = Coalescer(batch.read_keys)
    answers = await asyncio.gather(
        coalescer.load("good"), coalescer.load("bad"), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [ValueError, ValueError]
    assert batch.calls == [["good", "bad"]]
    assert await coalescer.load("good") == ("good",)


async def test_a_batch_has_no_more_keys_than_allowed(batch: BlockableBatch) -> None:
    coalescer: Coalescer[int, Any] = Coalescer(batch.read_keys, max_keys=2)
    answers = await asyncio.gather(*(coalescer.load(key) for key in range(5)))
    assert answers == [(key,) for key in range(5)]
    assert batch.calls == [[0, 1], [2, 3], [4]]


async def test_callers_join_while_the_first_one_gathers(batch: BlockableBatch) -> None:
    coalescer: Coalescer[str, Any] = Coalescer(batch.read_keys, gather_seconds=0.05)
    first = asyncio.create_task(coalescer.load("first"))
    await asyncio.sleep(0.01)
    assert batch.calls == []
    assert await coalescer.load("second") == ("second",)
    assert await first == ("first",)
    assert batch.calls == [["first", "second"]]


async def test_closing_raises_in_whoever_waits(batch: BlockableBatch) -> None:
    coalescer: Coalescer[str, Any] = Coalescer(batch.read_keys, gather_seconds=0.001)
    batch.go.clear()
    running = asyncio.create_task(coalescer.load("running"))
    await asyncio.sleep(0.01)
    pending = asyncio.create_task(coalescer.load("pending"))
    await asyncio.sleep(0)
    await coalescer.close()
    answers = await asyncio.gather(running, pending, return_exceptions=True)
    assert [type(answer) for answer in answers] == [TimeoutError, TimeoutError]
    assert (batch.calls, batch.canceled) == ([["running"]], 1)


async def test_a_cached_answer_is_read_once(reads: CoalescedReads) -> None:
    calls: list[list[Any]] = []

    async def batch(_session: object, keys: Sequence[Any]) -> list[Any]:
        calls.append(list(keys))
        return [len(calls)] * len(keys)

    assert await reads.read(batch, ["a"], lifetime_seconds=60.0) == [1]
    assert await reads.read(batch, ["b", "a", "b"], lifetime_seconds=60.0) == [2, 1, 2]
    assert calls == [["a"], ["b"]]


async def test_a_cached_answer_is_read_again_after_its_lifetime(
    reads: CoalescedReads, batch: BlockableBatch
) -> None:
    for count in (1, 2):
        await reads.read(batch.read, ["a"], lifetime_seconds=0.01)
        assert len(batch.calls) == count
        await asyncio.sleep(0.02)
