"""Answers many callers that ask for keys at the same moment by few reads.

While a batch is being read, the keys of later callers gather; the next batch reads all of them,
each once. So many requests cost few round trips, a single caller waits for nobody, and every answer
was read after it was asked for, unless answers have a lifetime.

Two other mechanisms serve other purposes: `ReadBatcher` (database/read_batcher.py) merges different
statements of one operation into one round trip, and `RequestBatcher` (services/core) queues writes
for workers, in turns, and rejects what is too much.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")
BatchRead = Callable[..., Awaitable[Sequence[Any]]]
"""(session, keys, *arguments): an answer for each key, in order."""
OpenSession = Callable[[], AbstractAsyncContextManager[AsyncSession]]
MAX_KEYS = 1000
SLOW_SECONDS = 0.005
"""A second batch at the same time begins when the first takes longer than this: fewer and larger
batches cost less."""
MAX_CONCURRENT_READS = 2
"""For reads that a slow statement of the same kind must not hold up."""


class _Batch(Generic[Key, Answer]):
    """Keys that are read together, and how many callers wait for them."""

    __slots__ = ("answers", "callers", "keys", "task")

    def __init__(self) -> None:
        self.keys: dict[Key, None] = {}
        self.callers = 0
        self.answers: asyncio.Future[dict[Key, Answer]]
        self.answers = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[Any] | None = None
        """The task that reads, once its first step has run."""

    def fail(self, error: Exception) -> None:
        """Raise an error in every caller that still waits."""
        if not self.answers.done():
            self.answers.set_exception(error)
            self.answers.exception()  # marks it as retrieved; callers get it all the same


class Coalescer(Generic[Key, Answer]):
    """Merges the keys of concurrent callers into batches. A failed read raises in every caller that
    waits for it; a caller that is canceled cancels a read only when nobody else waits for it."""

    __slots__ = (
        "_cached", "_gather_seconds", "_isolates_failures", "_lifetime_seconds", "_max_concurrent",
        "_max_keys", "_pending", "_read", "_running", "_timer",
    )  # fmt: skip

    def __init__(
        self,
        read: Callable[[Sequence[Key]], Awaitable[Sequence[Answer]]],
        *,
        max_keys: int = MAX_KEYS,
        max_concurrent: int = 1,
        gather_seconds: float = 0.0,
        lifetime_seconds: float | None = None,
        isolates_failures: bool = False,
    ) -> None:
        """`read` answers each of at most `max_keys` keys, in order.

        `gather_seconds` is how long the first caller waits for others. `lifetime_seconds` is how
        long an answer is given to later callers too. `isolates_failures` repeats a failed read for
        each caller alone, so that a key that can't be read fails those only who asked for it.
        """
        self._read = read
        self._max_keys = max_keys
        self._max_concurrent = max_concurrent
        self._gather_seconds = gather_seconds
        self._lifetime_seconds = lifetime_seconds
        self._isolates_failures = isolates_failures
        self._pending: deque[_Batch[Key, Answer]] = deque()
        self._running: dict[_Batch[Key, Answer], asyncio.Task[None]] = {}
        self._timer: asyncio.Handle | None = None
        self._cached: dict[Key, tuple[float, Answer]] = {}

    async def load(self, key: Key) -> Answer:
        """The answer for one key; raises what the read raises."""
        (answer,) = await self.load_many((key,))
        return answer

    def load_many(self, keys: Sequence[Key]) -> Coroutine[Any, Any, list[Answer]]:
        """The answer for each key, in order; raises what the read raises."""
        if self._lifetime_seconds is None:
            return self._load(keys)
        return self._load_cached(keys, self._lifetime_seconds)

    async def close(self) -> None:
        """Cancel what is being read; whoever waits gets TimeoutError."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        running, pending = dict(self._running), list(self._pending)
        self._pending.clear()
        for batch in (*running, *pending):
            batch.callers = 0
            batch.fail(TimeoutError("not read"))
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)
        for batch in running:
            self._running.pop(batch, None)

    async def _load(self, keys: Sequence[Key]) -> list[Answer]:
        if len(keys) > self._max_keys:
            return await self._read_alone(keys)
        batch = self._join(keys)
        try:
            # A canceled caller must not cancel the answers of the others.
            answers = await asyncio.shield(batch.answers)
        except asyncio.CancelledError:
            batch.callers -= 1
            if not batch.callers and batch.task is not None:
                batch.task.cancel()
            raise
        except Exception:
            if batch.callers < 2 or not self._isolates_failures:
                raise
            return await self._read_alone(keys)
        return [answers[key] for key in keys]

    async def _load_cached(self, keys: Sequence[Key], lifetime_seconds: float) -> list[Answer]:
        now = asyncio.get_running_loop().time()
        cached = {key: self._cached.get(key) for key in keys}
        answers = {key: one[1] for key, one in cached.items() if one and one[0] > now}
        missing = [key for key in cached if key not in answers]
        if missing:
            read = dict(zip(missing, await self._load(missing), strict=True))
            if len(self._cached) + len(read) > self._max_keys:
                self._cached.clear()
            expires_at = now + lifetime_seconds
            self._cached.update((key, (expires_at, one)) for key, one in read.items())
            answers |= read
        return [answers[key] for key in keys]

    def _join(self, keys: Sequence[Key]) -> _Batch[Key, Answer]:
        """Add a caller to the batch that gathers, and see that it begins."""
        pending = self._pending
        if not pending or len(pending[-1].keys) + len(keys) > self._max_keys:
            pending.append(_Batch())
        batch = pending[-1]
        batch.keys.update(dict.fromkeys(keys))
        batch.callers += 1
        if self._timer is None and len(self._running) < self._max_concurrent:
            loop = asyncio.get_running_loop()
            seconds = SLOW_SECONDS if self._running else self._gather_seconds
            # Without a delay, callers of the same turn of the event loop still join.
            if seconds:
                self._timer = loop.call_later(seconds, self._begin)
            else:
                self._timer = loop.call_soon(self._begin)
        return batch

    def _begin(self) -> None:
        self._timer = None
        while self._pending and len(self._running) < self._max_concurrent:
            batch = self._pending.popleft()
            if batch.callers:
                self._running[batch] = asyncio.ensure_future(self._run(batch))

    async def _run(self, batch: _Batch[Key, Answer]) -> None:
        keys = list(batch.keys)
        try:
            if not batch.callers:
                return  # all callers were canceled since it was due
            batch.task = asyncio.current_task()
            answers = await self._read(keys)
            batch.answers.set_result(dict(zip(keys, answers, strict=True)))
        except Exception as error:
            batch.fail(error)
        except BaseException:
            batch.fail(TimeoutError("not read"))
            raise
        finally:
            del self._running[batch]
            if self._timer is not None:
                self._timer.cancel()
            self._begin()

    async def _read_alone(self, keys: Sequence[Key]) -> list[Answer]:
        answers: list[Answer] = []
        for start in range(0, len(keys), self._max_keys):
            answers += await self._read(keys[start : start + self._max_keys])
        return answers


class CoalescedReads:
    """The batch reads of a process in one scope: a `Coalescer` for each batch function and its
    further arguments."""

    __slots__ = ("_coalescers", "_open_session")

    def __init__(self, open_session: OpenSession) -> None:
        self._open_session = open_session
        self._coalescers: dict[Hashable, Coalescer[Any, Any]] = {}

    def read(
        self,
        batch: BatchRead,
        keys: Sequence[Any],
        arguments: tuple[Any, ...] = (),
        lifetime_seconds: float | None = None,
    ) -> Coroutine[Any, Any, list[Any]]:
        """The answer of `batch` for each key; raises what it raises for these keys alone.

        `arguments` follow the session and the keys. `lifetime_seconds` is for answers that hardly
        change and are costly to read.
        """
        kind = batch, arguments, lifetime_seconds
        coalescer = self._coalescers.get(kind)
        if coalescer is None:
            coalescer = self._coalescers[kind] = Coalescer(
                self._reader(batch, arguments),
                max_concurrent=MAX_CONCURRENT_READS,
                lifetime_seconds=lifetime_seconds,
                isolates_failures=True,
            )
        return coalescer.load_many(keys)

    def _reader(
        self, batch: BatchRead, arguments: tuple[Any, ...]
    ) -> Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]:
        async def read(keys: Sequence[Any]) -> Sequence[Any]:
            async with self._open_session() as session:
                answers = await batch(session, keys, *arguments)
            if len(answers) != len(keys):
                name = getattr(batch, "__name__", "batch")
                raise LookupError(f"{name} answered {len(answers)} of {len(keys)} keys")
            return answers

        return read
