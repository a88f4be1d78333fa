"""Runs the requests of concurrent callers in batches, so that a batch costs one transaction.

A free worker takes all requests that wait, at most a batch, and does not wait for it to fill: a
single request is answered as fast as without a batch.

It is made for writes: requests queue for a fixed number of workers, parties take turns, and a full
queue rejects requests. Reads of one kind are merged by `Coalescer`, statements of one operation by
`ReadBatcher` (both in database/).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.core.fair_queue import FairQueue
from services.core.histogram import Histogram
from services.core.problems import DomainError, Problem

log = logging.getLogger("darkstore.together")

Request = TypeVar("Request")
Answer = TypeVar("Answer")

BATCH_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
WAIT_BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOverloaded(Problem):
    """The server is overloaded: nothing was done, try again in a second."""

    retry_after_seconds: int = 1


@dataclass(slots=True)
class BatchCounters:
    """What a batcher has done since the start."""

    batches: int = 0
    requests: int = 0
    retried: int = 0
    failed: int = 0
    shed: int = 0
    sizes: Histogram = field(default_factory=lambda: Histogram(BATCH_BOUNDS))
    """Requests per batch."""
    waits: Histogram = field(default_factory=lambda: Histogram(WAIT_BOUNDS_SECONDS))
    """Seconds from each request to its answer."""


def _single_party(request: object) -> None:
    """The same party for every request."""


@dataclass(frozen=True, slots=True)
class PendingRequest(Generic[Request, Answer]):
    """A request, the future of its answer, and when it came (seconds of the loop's clock)."""

    request: Request
    answer: "asyncio.Future[Answer]"
    queued_at: float


class RequestBatcher(Generic[Request, Answer]):
    """A queue and the workers that process it by `work`: a batch of requests in, answers out."""

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Request]], Awaitable[Sequence[Answer]]],
        *,
        batch_requests: int,
        queue_requests: int,
        workers: int,
        gather_seconds: float = 0.0,
        party: Callable[[Request], Hashable] = _single_party,
    ) -> None:
        """`gather_seconds` makes batches larger, for answers that nobody waits for.

        `party` tells who sent a request: many requests of one do not keep the others waiting.
        """
        self.name = name
        self._gather_seconds = gather_seconds
        self._work = work
        self._batch_requests = batch_requests
        self._queue: FairQueue[PendingRequest[Request, Answer]]
        self._queue = FairQueue(queue_requests, lambda pending: party(pending.request))
        self._worker_count = workers
        self._workers: list[asyncio.Task[None]] = []
        self.counters = BatchCounters()

    @property
    def waiting(self) -> int:
        """How many requests no worker has taken yet."""
        return self._queue.qsize()

    @property
    def max_waiting(self) -> int:
        """How many requests may wait; one more is rejected."""
        return self._queue.maxsize

    def start(self) -> None:
        """Start the workers; needs a running event loop."""
        if not self._workers:
            workers = range(self._worker_count)
            self._workers = [asyncio.create_task(self._run_worker()) for _ in workers]

    async def close(self) -> None:
        """Answer all requests that wait, then stop the workers."""
        if self._workers:
            await self._queue.join()
        for worker in self._workers:
            worker.cancel()
        for worker in self._workers:
            with suppress(asyncio.CancelledError):
                await worker
        self._workers = []

    async def submit(self, request: Request) -> Answer:
        """Queue a request and wait for its answer; raises Busy when the queue is full.

        A request stays queued when its caller is canceled.
        """
        if not self._workers:
            raise RuntimeError(f"{self.name} isn't running")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._enqueue(PendingRequest(request, answer, loop.time()))
        return await asyncio.shield(answer)

    def _enqueue(self, pending: PendingRequest[Request, Answer]) -> None:
        """Queue a request; if the queue is full, reject it or the last of a longer queue."""
        if self._queue.full():
            self.counters.shed += 1
            message = "The shop is very busy. Please try again in a moment."
            error = DomainError(ServiceOverloaded(message=message))
            evicted = self._queue.evict_for(pending)
            if evicted is None:
                raise error
            _fail(evicted.answer, error)
        self._queue.put_nowait(pending)

    async def _run_worker(self) -> None:
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

    async def _answer(self, batch: Sequence[PendingRequest[Request, Answer]]) -> None:
        """Answer a batch; one that fails is repeated request by request."""
        self.counters.batches += 1
        self.counters.requests += len(batch)
        self.counters.sizes.add(len(batch))
        try:
            answers = await self._work([pending.request for pending in batch])
        except Exception as error:
            await self._handle_failure(batch, error)
            return
        now = asyncio.get_running_loop().time()
        for pending, answer in zip(batch, answers, strict=True):
            self.counters.waits.add(now - pending.queued_at)
            if not pending.answer.done():
                pending.answer.set_result(answer)

    async def _handle_failure(
        self, batch: Sequence[PendingRequest[Request, Answer]], error: Exception
    ) -> None:
        if len(batch) == 1:
            self.counters.failed += 1
            _fail(batch[0].answer, error)
            return
        log.warning(
            "%s: a batch of %d failed, repeating each alone", self.name, len(batch), exc_info=True
        )
        self.counters.retried += len(batch)
        for pending in batch:
            await self._answer([pending])


def _fail(answer: "asyncio.Future[Answer]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # marks it as retrieved: the caller may have been canceled
