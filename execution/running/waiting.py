"""Waits for many awaitables at once, each in a task of its own when there are several."""

import asyncio
import sys
from collections.abc import Awaitable, Sequence
from types import CoroutineType
from typing import Any

CONCURRENT_TASKS = 256


class Canceled(Exception):
    """What a resolver waited for was canceled by somebody else."""

    def __init__(self) -> None:
        super().__init__("The value was canceled before it arrived.")


async def gather(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    """The answer of each in order, an exception in the place of one that failed."""
    if len(awaitables) == 1:
        return [await _answer(awaitables[0])]
    answers: list[Any] = []
    try:
        for start in range(0, len(awaitables), CONCURRENT_TASKS):
            answers += await _together(awaitables[start : start + CONCURRENT_TASKS])
    except BaseException:
        for awaitable in awaitables:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()  # Only those not begun: the others are over by now.
        raise
    return answers


async def _together(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    loop = asyncio.get_running_loop()
    tasks = [_begin(awaitable, loop) for awaitable in awaitables]
    try:
        await asyncio.wait(tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    return [_outcome(task) for task in tasks]


def _begin(awaitable: Awaitable[Any], loop: asyncio.AbstractEventLoop) -> "asyncio.Future[Any]":
    if not isinstance(awaitable, CoroutineType):
        return asyncio.ensure_future(awaitable)
    if sys.version_info >= (3, 12):
        # Most coroutines are done, or wait for a batch, after one step: take that step at once.
        return asyncio.Task(awaitable, loop=loop, eager_start=True)
    return loop.create_task(awaitable)


def _outcome(task: "asyncio.Future[Any]") -> Any:
    if task.cancelled():
        return Canceled()
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, Exception):
        return error
    raise error


async def _answer(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise  # It is the request itself that was canceled.
        return Canceled()
    except Exception as error:
        return error
