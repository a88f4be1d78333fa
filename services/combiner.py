"""Grants holds of many orders in one transaction, so that a product everybody wants stays fast.

Whoever is free takes all that waits (at most a batch, and never waits for it to fill), locks the
counter rows in order, grants in the order of arrival, writes once, and answers all.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from models import PLATFORM
from models.database import Database, Origin
from services.grant import Held, Request, Short, grant
from services.refusal import Problem, Refused

log = logging.getLogger("darkstore.combiner")

BATCH_REQUESTS = 64
QUEUE_REQUESTS = 1_000
WORKERS = 2
ORIGIN = Origin("hold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy(Problem):
    """Too many are buying at this moment: nothing was done, ask again in a second."""

    retry_after_seconds: int = 1


@dataclass(slots=True)
class Counters:
    """What the combiner has done since it started."""

    batches: int = 0
    requests: int = 0
    granted: int = 0
    short: int = 0
    retried: int = 0
    failed: int = 0
    shed: int = 0


class Combiner:
    """The one door to new holds of a process. Start it in a running loop, close it at the end."""

    def __init__(self, database: Database, workers: int = WORKERS) -> None:
        self._database = database
        self._queue: asyncio.Queue[Request] = asyncio.Queue(QUEUE_REQUESTS)
        self._wanted_workers = workers
        self._workers: list[asyncio.Task[None]] = []
        self.counters = Counters()

    def start(self) -> None:
        """Begin to take requests."""
        if not self._workers:
            made = [asyncio.create_task(self._work()) for _ in range(self._wanted_workers)]
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

    async def hold(
        self,
        company_id: UUID,
        store_id: UUID,
        order_id: UUID,
        wanted: Mapping[UUID, int],
        hold_seconds: float,
    ) -> Held | Short:
        """Hold all of `wanted` (units by product) in one store for `hold_seconds`, or nothing.

        Equal for an order that holds already, wherever that is. Refused when the queue is full.
        A caller that gives up does not take its request back: the sweeper does, later.
        """
        if not self._workers:
            raise RuntimeError("the combiner isn't running")
        if not wanted or any(units < 1 for units in wanted.values()):
            raise ValueError("a hold is of at least one unit of at least one product")
        answer: asyncio.Future[Held | Short] = asyncio.get_running_loop().create_future()
        request = Request(company_id, store_id, order_id, dict(wanted), hold_seconds, answer)
        try:
            self._queue.put_nowait(request)
        except asyncio.QueueFull:
            self.counters.shed += 1
            message = "The shop is very busy. Please try again in a moment."
            raise Refused(Busy(message=message)) from None
        return await asyncio.shield(answer)

    async def _work(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH_REQUESTS and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await self._answer(batch)
            finally:
                for _ in batch:
                    self._queue.task_done()

    async def _answer(self, batch: Sequence[Request]) -> None:
        """Grant a batch; one that fails is tried again request by request."""
        self.counters.batches += 1
        self.counters.requests += len(batch)
        try:
            answers = await self._granted(batch)
        except Exception as error:
            if len(batch) == 1:
                self.counters.failed += 1
                _fail(batch[0].answer, error)
                return
            log.warning("a batch of %d holds failed: one by one now", len(batch), exc_info=True)
            self.counters.retried += len(batch)
            for request in batch:
                await self._answer([request])
            return
        for request, answer in zip(batch, answers, strict=True):
            held = isinstance(answer, Held)
            self.counters.granted += held
            self.counters.short += not held
            if not request.answer.done():
                request.answer.set_result(answer)

    async def _granted(self, batch: Sequence[Request]) -> list[Held | Short]:
        async with self._database.write(PLATFORM, ORIGIN) as session:
            return await grant(session, batch)


def _fail(answer: "asyncio.Future[Held | Short]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # seen: a caller that has left must not be reported as careless
