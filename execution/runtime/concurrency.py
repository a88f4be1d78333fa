"""Awaits many awaitables concurrently, each in its own task when there are several."""

import asyncio
import sys
from collections.abc import Awaitable, Sequence
from types import CoroutineType
from typing import Any

CONCURRENT_TASKS = 256


class ValueCanceled(Exception):
    """An awaited value was canceled, but not by the cancellation of the request."""

    def __init__(self) -> None:
        super().__init__("The value was canceled before it arrived.")


async def gather(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    """Await all; return the results in order, with the exception of each one that failed."""
    if len(awaitables) == 1:
        return [await _result(awaitables[0])]
    results: list[Any] = []
    try:
        for start in range(0, len(awaitables), CONCURRENT_TASKS):
            results += await _gather_chunk(awaitables[start : start + CONCURRENT_TASKS])
    except BaseException:
        for awaitable in awaitables:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()  # Closes those not started; the others have ended by now.
        raise
    return results


async def _gather_chunk(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    loop = asyncio.get_running_loop()
    tasks = [_start(awaitable, loop) for awaitable in awaitables]
    try:
        await asyncio.wait(tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    return [_outcome(task) for task in tasks]


def _start(awaitable: Awaitable[Any], loop: asyncio.AbstractEventLoop) -> "asyncio.Future[Any]":
    if not isinstance(awaitable, CoroutineType):
        return asyncio.ensure_future(awaitable)
    if sys.version_info >= (3, 12):
        # Most coroutines end, or wait for a batch, after one step: take that step at once.
        return asyncio.Task(awaitable, loop=loop, eager_start=True)
    return loop.create_task(awaitable)


def _outcome(task: "asyncio.Future[Any]") -> Any:
    if task.cancelled():
        return ValueCanceled()
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, Exception):
        return error
    raise error


async def _result(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise  # The request itself was canceled.
        return ValueCanceled()
    except Exception as error:
        return error
