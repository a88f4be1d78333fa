"""Reads made together: few statements for many, and nobody pays for another one's key."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from database.coalescer import ROUNDS_AT_ONCE, Rounds


class Shelf:
    """A batch that takes a moment, refuses a key, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[Any]] = []
        self.canceled = 0
        self.go = asyncio.Event()
        self.go.set()

    async def batch(self, _session: object, keys: Sequence[Any], *more: Any) -> list[Any]:
        self.asked.append(list(keys))
        try:
            await self.go.wait()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.canceled += 1
            raise
        if "bad" in keys:
            raise ValueError("bad")
        return [(key, *more) for key in keys]


@asynccontextmanager
async def nothing() -> AsyncIterator[Any]:
    yield None


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def rounds() -> Rounds:
    return Rounds(nothing)


async def test_those_who_ask_in_one_turn_share_a_read(rounds: Rounds, shelf: Shelf) -> None:
    asking = (rounds.read(shelf.batch, [f"k{n % 3}"], "more") for n in range(9))
    answers = await asyncio.gather(*asking)
    assert answers == [[(f"k{n % 3}", "more")] for n in range(9)]
    assert shelf.asked == [["k0", "k1", "k2"]]


async def test_who_comes_later_is_answered_by_a_later_read(rounds: Rounds, shelf: Shelf) -> None:
    """What was written before somebody asked is in their answer."""
    shelf.go.clear()
    waiting = []
    for nth in range(ROUNDS_AT_ONCE + 3):
        waiting.append(asyncio.create_task(rounds.read(shelf.batch, ["same", nth])))
        await asyncio.sleep(0.01)
    assert len(shelf.asked) == ROUNDS_AT_ONCE
    shelf.go.set()
    await asyncio.gather(*waiting)
    assert len(shelf.asked) == ROUNDS_AT_ONCE + 1
    assert shelf.asked[-1] == ["same", *range(ROUNDS_AT_ONCE, ROUNDS_AT_ONCE + 3)]


async def test_a_key_that_can_not_be_read_fails_alone(rounds: Rounds, shelf: Shelf) -> None:
    asking = (rounds.read(shelf.batch, [key]) for key in ("good", "bad", "better"))
    good, bad, better = await asyncio.gather(*asking, return_exceptions=True)
    assert (good, better) == ([("good",)], [("better",)])
    assert isinstance(bad, ValueError)


async def test_the_last_one_to_leave_ends_the_read(rounds: Rounds, shelf: Shelf) -> None:
    shelf.go.clear()
    waiting = [asyncio.create_task(rounds.read(shelf.batch, ["key"])) for _ in range(2)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    await asyncio.sleep(0.01)
    assert shelf.canceled == 0
    waiting[1].cancel()
    await asyncio.sleep(0.01)
    assert shelf.canceled == 1
    shelf.go.set()
    assert await rounds.read(shelf.batch, ["key"]) == [("key",)]


async def test_too_few_answers_are_an_error(rounds: Rounds) -> None:
    async def short(_session: object, _keys: Sequence[Any]) -> list[Any]:
        return []

    with pytest.raises(LookupError):
        await rounds.read(short, ["key"])


def lasting(seconds: float) -> tuple[Any, list[list[Any]]]:
    """A batch whose answers last so long and count its reads, and the keys of each read."""
    asked: list[list[Any]] = []

    async def batch(_session: object, keys: Sequence[Any]) -> list[Any]:
        asked.append(list(keys))
        return [len(asked)] * len(keys)

    batch.lasts_seconds = seconds  # type: ignore[attr-defined] # functions carry attributes
    return batch, asked


async def test_an_answer_that_lasts_is_read_once(rounds: Rounds) -> None:
    batch, asked = lasting(60.0)
    assert await rounds.read(batch, ["a"]) == [1]
    assert await rounds.read(batch, ["b", "a", "b"]) == [2, 1, 2]
    assert asked == [["a"], ["b"]]


async def test_an_answer_is_read_again_when_its_time_is_over(rounds: Rounds) -> None:
    batch, _ = lasting(0.01)
    assert await rounds.read(batch, ["a"]) == [1]
    await asyncio.sleep(0.02)
    assert await rounds.read(batch, ["a"]) == [2]
