"""Running one prepared operation to its answer, or to the end of its time, or of its reader."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from execution import Answer, Engine, Prepared
from server.transport.operation import Operation
from server.transport.rejected import Rejected

TIMED_OUT = "TIMEOUT"
# Most answers are there sooner: nobody watches whether their readers leave.
WATCH_AFTER_SECONDS = 0.1

Leaving = Callable[[], Awaitable[None]]


async def answer_within(
    seconds: float,
    engine: Engine,
    prepared: Prepared,
    operation: Operation,
    context: Any,
    leaving: Leaving | None = None,
) -> Answer:
    """Answer a query or mutation; one that outlives its time is canceled and raises Rejected.

    When `leaving` returns, the reader has left: a query is canceled and raises ClientDisconnect,
    a mutation goes on. Canceling reaches the statement that the database is at.
    """
    watch = _Watch(leaving if prepared.operation_type == "query" else None)
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            watch.start(deadline)
            return await engine.execute(prepared, operation.variables, context)
    except TimeoutError:
        if watch.left:
            raise ClientDisconnect from None
        if not deadline.expired():
            raise
        raise Rejected(
            504, TIMED_OUT, f"The operation did not finish within {seconds:g} s."
        ) from None
    finally:
        watch.stop()


async def disconnected(receive: Receive) -> None:
    """Return when the reader is gone; the request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _Watch:
    """Ends a deadline at once when the reader leaves."""

    def __init__(self, leaving: Leaving | None) -> None:
        self.left = False
        self._leaving = leaving
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, deadline: asyncio.Timeout) -> None:
        if self._leaving is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(WATCH_AFTER_SECONDS, self._look, self._leaving, deadline)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _look(self, leaving: Leaving, deadline: asyncio.Timeout) -> None:
        self._task = asyncio.get_running_loop().create_task(self._until_left(leaving, deadline))

    async def _until_left(self, leaving: Leaving, deadline: asyncio.Timeout) -> None:
        await leaving()
        self.left = True
        deadline.reschedule(asyncio.get_running_loop().time())
