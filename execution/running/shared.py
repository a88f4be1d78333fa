"""Work that is done once for all who ask for the same."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Shared:
    """Remembers at most `count` answers for `seconds` each; failures are not remembered."""

    __slots__ = ("_count", "_kept", "_seconds")

    def __init__(self, count: int, seconds: float = math.inf) -> None:
        self._count = count
        self._seconds = seconds
        self._kept: dict[Hashable, tuple[asyncio.Task[Any], float]] = {}

    async def once(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` answers, or has just answered somebody else who asked by an equal key."""
        now = asyncio.get_running_loop().time()
        kept = self._kept.get(key)
        if kept is None or kept[1] <= now:
            kept = self._begin(key, make, now)
        task: asyncio.Task[T] = kept[0]
        # One who leaves must not take the answer away from the others.
        return task.result() if task.done() else await asyncio.shield(task)

    def _begin(
        self, key: Hashable, make: Callable[[], Awaitable[T]], now: float
    ) -> tuple[asyncio.Task[Any], float]:
        task: asyncio.Task[Any] = asyncio.ensure_future(_made(make))
        self._kept.pop(key, None)
        kept = self._kept[key] = (task, now + self._seconds)

        def ended(task: asyncio.Task[Any]) -> None:
            failed = task.cancelled() or task.exception() is not None
            if failed and self._kept.get(key) is kept:
                del self._kept[key]

        task.add_done_callback(ended)
        self._tidy(now)
        return kept

    def _tidy(self, now: float) -> None:
        """Forget the oldest: those first that are too old, then those that are too many."""
        while self._kept:
            key, (_, until) = next(iter(self._kept.items()))
            if until > now and len(self._kept) <= self._count:
                return
            del self._kept[key]


async def _made(make: Callable[[], Awaitable[T]]) -> T:
    return await make()
