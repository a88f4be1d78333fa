"""Runs short pieces of work in the background: a bounded number at once, a bounded queue."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class BackgroundWorker(Generic[Key]):
    """Calls `handle` for each submitted key, in at most `concurrency` tasks at once.

    Nothing is durable: a key is lost when the queue is full, when `handle` raises (which is
    logged) and when the worker is closed. A scheduled job must find such work again.
    """

    def __init__(
        self,
        work: str,
        handle: Callable[[Key], Awaitable[object]],
        log: logging.Logger,
        *,
        concurrency: int,
        max_waiting: int,
        close_seconds: float = 0.0,
    ) -> None:
        """`work` names what is done to a key in the log; `close_seconds` bounds `close`."""
        self._work = work
        self._handle = handle
        self._log = log
        self._concurrency = concurrency
        self._max_waiting = max_waiting
        self._close_seconds = close_seconds
        self._waiting: dict[Key, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def submit(self, key: Key) -> bool:
        """Handle a key soon; False when it waits already, too many wait or the worker is closed."""
        if self._closed or key in self._waiting or len(self._waiting) >= self._max_waiting:
            return False
        self._waiting[key] = None
        if len(self._tasks) < self._concurrency:
            self._tasks.add(asyncio.get_running_loop().create_task(self._run()))
        return True

    async def close(self) -> None:
        """Accept no more keys, give submitted work `close_seconds` to end, and cancel the rest."""
        self._closed = True
        if self._tasks and self._close_seconds:
            await asyncio.wait(self._tasks, timeout=self._close_seconds)
        self._waiting.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        """Handle waiting keys, the oldest first, until none is left."""
        try:
            while self._waiting:
                key = next(iter(self._waiting))
                del self._waiting[key]
                try:
                    await self._handle(key)
                except Exception:
                    text = "%s %s failed and is left to the job"
                    self._log.warning(text, self._work, key, exc_info=True)
        finally:
            # Not by a callback of the task: it would still be counted when a new key comes.
            self._tasks.discard(asyncio.current_task())
