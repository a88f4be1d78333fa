"""Answers many who ask at the same moment in one go, so that a batch costs one trip, not many.

Whoever is free takes all that waits, at most a batch, and does not wait for it to fill: one who
asks alone is answered as fast as without.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.core.fair_queue import FairQueue
from services.core.histogram import Tally
from services.core.problems import Problem, Refused

log = logging.getLogger("darkstore.together")

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

BATCH_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
WAIT_BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy(Problem):
    """Too many ask at this moment: nothing was done, ask again in a second."""

    retry_after_seconds: int = 1


@dataclass(slots=True)
class Counters:
    """What has been done since the start."""

    batches: int = 0
    requests: int = 0
    retried: int = 0
    failed: int = 0
    shed: int = 0
    sizes: Tally = field(default_factory=lambda: Tally(BATCH_BOUNDS))
    """How many requests a batch had."""
    waits: Tally = field(default_factory=lambda: Tally(WAIT_BOUNDS_SECONDS))
    """How long each request waited for its answer, in seconds."""


def _everybody(asked: object) -> None:
    """One party, to which all belong."""


@dataclass(frozen=True, slots=True)
class Waiting(Generic[Asked, Answer]):
    """What is asked, by whom, and since when (seconds of the loop's clock)."""

    asked: Asked
    answer: "asyncio.Future[Answer]"
    since: float


class Together(Generic[Asked, Answer]):
    """One queue of a process, and the workers that empty it by `work`: a batch in, answers out."""

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer]]],
        *,
        batch_requests: int,
        queue_requests: int,
        workers: int,
        gather_seconds: float = 0.0,
        party: Callable[[Asked], Hashable] = _everybody,
    ) -> None:
        """`gather_seconds` is for answers that nobody waits for: it makes batches larger.

        `party` says who asks: a rush of one does not keep the others waiting.
        """
        self.name = name
        self._gather_seconds = gather_seconds
        self._work = work
        self._batch_requests = batch_requests
        self._queue: FairQueue[Waiting[Asked, Answer]]
        self._queue = FairQueue(queue_requests, lambda one: party(one.asked))
        self._wanted_workers = workers
        self._workers: list[asyncio.Task[None]] = []
        self.counters = Counters()

    @property
    def waiting(self) -> int:
        """How many requests no worker has taken yet."""
        return self._queue.qsize()

    @property
    def waiting_most(self) -> int:
        """How many may wait; one more is shed."""
        return self._queue.maxsize

    def start(self) -> None:
        """Begin to take requests; needs a running loop."""
        if not self._workers:
            made = [asyncio.create_task(self._forever()) for _ in range(self._wanted_workers)]
            self._workers = made

    async def close(self) -> None:
        """Answer whoever waits, then stop."""
        if self._workers:
            await self._queue.join()
        for worker in self._workers:
            worker.cancel()
        for worker in self._workers:
            with suppress(asyncio.CancelledError):
                await worker
        self._workers = []

    async def ask(self, asked: Asked) -> Answer:
        """The answer to one of many; refused as Busy when the queue is full.

        A caller that gives up does not take its request back.
        """
        if not self._workers:
            raise RuntimeError(f"{self.name} isn't running")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._let_in(Waiting(asked, answer, loop.time()))
        return await asyncio.shield(answer)

    def _let_in(self, one: Waiting[Asked, Answer]) -> None:
        """Queue a request; when it is full, shed this one or the last of a longer line."""
        if self._queue.full():
            self.counters.shed += 1
            message = "The shop is very busy. Please try again in a moment."
            refused = Refused(Busy(message=message))
            last = self._queue.push_out(one)
            if last is None:
                raise refused
            _fail(last.answer, refused)
        self._queue.put_nowait(one)

    async def _forever(self) -> None:
        while True:
            batch = [await self._queue.get()]
            if self._gather_seconds and self._queue.qsize() < self._batch_requests:
                await asyncio.sleep(self._gather_seconds)
            while len(batch) < self._batch_requests and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await self._answer(batch)
            finally:
                for _ in batch:
                    self._queue.task_done()

    async def _answer(self, batch: Sequence[Waiting[Asked, Answer]]) -> None:
        """Answer a batch; one that fails is tried again request by request."""
        self.counters.batches += 1
        self.counters.requests += len(batch)
        self.counters.sizes.add(len(batch))
        try:
            answers = await self._work([one.asked for one in batch])
        except Exception as error:
            await self._failed(batch, error)
            return
        now = asyncio.get_running_loop().time()
        for one, answer in zip(batch, answers, strict=True):
            self.counters.waits.add(now - one.since)
            if not one.answer.done():
                one.answer.set_result(answer)

    async def _failed(self, batch: Sequence[Waiting[Asked, Answer]], error: Exception) -> None:
        if len(batch) == 1:
            self.counters.failed += 1
            _fail(batch[0].answer, error)
            return
        log.warning(
            "%s: a batch of %d failed, one by one now", self.name, len(batch), exc_info=True
        )
        self.counters.retried += len(batch)
        for one in batch:
            await self._answer([one])


def _fail(answer: "asyncio.Future[Answer]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # seen: a caller that has left must not be reported as careless
