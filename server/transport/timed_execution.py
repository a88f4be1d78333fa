"""Executes one prepared operation until it answers, times out or its client disconnects."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from execution import Answer, Engine, PreparedOperation
from models.message_text import duration_text
from server.transport.operation import Operation
from server.transport.rejection import RequestRejected

TIMED_OUT = "TIMEOUT"
# Most answers are ready sooner: their clients are not watched at all.
WATCH_AFTER_SECONDS = 0.1

Disconnection = Callable[[], Awaitable[None]]


async def execute_with_timeout(
    seconds: float,
    engine: Engine,
    prepared: PreparedOperation,
    operation: Operation,
    context: Any,
    disconnection: Disconnection | None = None,
) -> Answer:
    """Execute a query or mutation; after `seconds` it is canceled and raises RequestRejected.

    `disconnection` returns when the client has disconnected: then a query is canceled and raises
    ClientDisconnect, a mutation goes on. Canceling also cancels the statement that the database
    executes.
    """
    watch = _DisconnectionWatch(disconnection if prepared.operation_type == "query" else None)
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            watch.start(deadline)
            return await engine.execute(prepared, operation.variables, context)
    except TimeoutError:
        if watch.disconnected:
            raise ClientDisconnect from None
        if not deadline.expired():
            raise
        raise RequestRejected(
            504, TIMED_OUT, f"The operation did not finish within {duration_text(seconds)}."
        ) from None
    finally:
        watch.stop()


async def disconnected(receive: Receive) -> None:
    """Return when the client has disconnected; the request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _DisconnectionWatch:
    """Ends a deadline at once when the client disconnects."""

    def __init__(self, disconnection: Disconnection | None) -> None:
        self.disconnected = False
        self._disconnection = disconnection
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, deadline: asyncio.Timeout) -> None:
        if self._disconnection is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(WATCH_AFTER_SECONDS, self._watch, deadline)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _watch(self, deadline: asyncio.Timeout) -> None:
        if self._disconnection is not None:
            waiting = self._end_when(self._disconnection, deadline)
            self._task = asyncio.get_running_loop().create_task(waiting)

    async def _end_when(self, disconnection: Disconnection, deadline: asyncio.Timeout) -> None:
        await disconnection()
        self.disconnected = True
        deadline.reschedule(asyncio.get_running_loop().time())
