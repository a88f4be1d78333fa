"""A small cache that computes each value once for all concurrent callers (single flight)."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class SingleFlightCache:
    """Caches at most `count` values for `seconds` each; failures are not cached."""

    __slots__ = ("_count", "_entries", "_seconds")

    def __init__(self, count: int, seconds: float = math.inf) -> None:
        self._count = count
        self._seconds = seconds
        self._entries: dict[Hashable, tuple[asyncio.Task[Any], float]] = {}

    async def get_or_compute(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        """The cached or running value of an equal key; otherwise the result of `compute`."""
        now = asyncio.get_running_loop().time()
        entry = self._entries.get(key)
        if entry is None or entry[1] <= now:
            entry = self._start(key, compute, now)
        task: asyncio.Task[T] = entry[0]
        # A canceled caller must not cancel the computation for the others.
        return task.result() if task.done() else await asyncio.shield(task)

    def _start(
        self, key: Hashable, compute: Callable[[], Awaitable[T]], now: float
    ) -> tuple[asyncio.Task[Any], float]:
        task: asyncio.Task[Any] = asyncio.ensure_future(_run(compute))
        self._entries.pop(key, None)
        entry = self._entries[key] = (task, now + self._seconds)

        def drop_failure(task: asyncio.Task[Any]) -> None:
            failed = task.cancelled() or task.exception() is not None
            if failed and self._entries.get(key) is entry:
                del self._entries[key]

        task.add_done_callback(drop_failure)
        self._evict(now)
        return entry

    def _evict(self, now: float) -> None:
        """Evict expired values, then the oldest ones over the count."""
        while self._entries:
            key, (_, expires_at) = next(iter(self._entries.items()))
            if expires_at > now and len(self._entries) <= self._count:
                return
            del self._entries[key]


async def _run(compute: Callable[[], Awaitable[T]]) -> T:
    return await compute()
