"""Answers many who ask at the same moment in one go, so that a batch costs one trip, not many.

Whoever is free takes all that waits, at most a batch, and does not wait for it to fill: one who
asks alone is answered as fast as without.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.refusal import Problem, Refused

log = logging.getLogger("darkstore.together")

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


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
    ) -> None:
        """`gather_seconds` is for answers that nobody waits for: it makes batches larger."""
        self._name = name
        self._gather_seconds = gather_seconds
        self._work = work
        self._batch_requests = batch_requests
        self._queue: asyncio.Queue[tuple[Asked, asyncio.Future[Answer]]]
        self._queue = asyncio.Queue(queue_requests)
        self._wanted_workers = workers
        self._workers: list[asyncio.Task[None]] = []
        self.counters = Counters()

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
            raise RuntimeError(f"{self._name} isn't running")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait((asked, answer))
        except asyncio.QueueFull:
            self.counters.shed += 1
            message = "The shop is very busy. Please try again in a moment."
            raise Refused(Busy(message=message)) from None
        return await asyncio.shield(answer)

    async def _forever(self) -> None:
        while True:
            batch = [await self._queue.get()]
            if self._gather_seconds:
                await asyncio.sleep(self._gather_seconds)
            while len(batch) < self._batch_requests and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await self._answer(batch)
            finally:
                for _ in batch:
                    self._queue.task_done()

    async def _answer(self, batch: Sequence[tuple[Asked, "asyncio.Future[Answer]"]]) -> None:
        """Answer a batch; one that fails is tried again request by request."""
        self.counters.batches += 1
        self.counters.requests += len(batch)
        try:
            answers = await self._work([asked for asked, _ in batch])
        except Exception as error:
            if len(batch) == 1:
                self.counters.failed += 1
                _fail(batch[0][1], error)
                return
            log.warning(
                "%s: a batch of %d failed, one by one now", self._name, len(batch), exc_info=True
            )
            self.counters.retried += len(batch)
            for one in batch:
                await self._answer([one])
            return
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)


def _fail(answer: "asyncio.Future[Answer]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # seen: a caller that has left must not be reported as careless
