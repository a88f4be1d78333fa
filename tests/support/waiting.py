"""Waits for a condition with a time limit: the only polling loop that tests need."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

DEFAULT_SECONDS = 60.0
"""Only a failed test waits that long; a busy machine may need much of it."""
POLL_SECONDS = 0.01


async def until(
    condition: Callable[[], object | Awaitable[object]],
    seconds: float = DEFAULT_SECONDS,
    what: str = "the condition",
    *,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Wait until `condition` returns (or its awaitable resolves to) a true value.

    Raises TimeoutError, which names `what` was awaited, after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not await _check(condition):
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what} did not become true within {seconds:g} s")
        await asyncio.sleep(poll_seconds)


def until_blocking(
    condition: Callable[[], object],
    seconds: float = DEFAULT_SECONDS,
    what: str = "the condition",
    *,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """As `until`, for code without an event loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what} did not become true within {seconds:g} s")
        time.sleep(poll_seconds)


async def _check(condition: Callable[[], object | Awaitable[object]]) -> object:
    result = condition()
    return await result if inspect.isawaitable(result) else result
