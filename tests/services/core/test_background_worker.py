"""The background worker: limits, order, failures and closing."""

import asyncio
import logging

import pytest

from services.core.background_worker import BackgroundWorker

log = logging.getLogger("darkstore.test")


async def test_keys_are_handled_in_order_by_at_most_so_many_tasks() -> None:
    handled: list[int] = []
    running = highest = 0

    async def handle(key: int) -> None:
        nonlocal running, highest
        running += 1
        highest = max(highest, running)
        await asyncio.sleep(0)
        handled.append(key)
        running -= 1

    worker = BackgroundWorker("test", handle, log, concurrency=3, max_waiting=100, close_seconds=5)
    assert all(worker.submit(key) for key in range(50))
    await worker.close()
    assert handled == list(range(50))
    assert highest == 3


async def test_a_waiting_key_is_not_added_twice_and_the_queue_is_limited() -> None:
    release = asyncio.Event()
    handled: list[str] = []

    async def handle(key: str) -> None:
        handled.append(key)
        await release.wait()

    worker = BackgroundWorker("test", handle, log, concurrency=1, max_waiting=2, close_seconds=5)
    assert worker.submit("a")
    await asyncio.sleep(0)
    assert worker.submit("a")  # the first one is running, not waiting
    assert not worker.submit("a")
    assert worker.submit("b")
    assert not worker.submit("c")
    release.set()
    await worker.close()
    assert handled == ["a", "a", "b"]
    assert not worker.submit("d")


async def test_a_failure_is_logged_and_the_next_key_is_handled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handled: list[int] = []

    async def handle(key: int) -> None:
        if key == 0:
            raise ValueError("failed on purpose")
        handled.append(key)

    worker = BackgroundWorker("payment", handle, log, concurrency=1, max_waiting=9, close_seconds=5)
    for key in range(3):
        worker.submit(key)
    await worker.close()
    assert handled == [1, 2]
    assert "payment 0 failed and is left to the job" in caplog.text


async def test_a_key_submitted_when_all_tasks_have_just_ended_is_handled() -> None:
    handled: list[int] = []

    async def handle(key: int) -> None:
        handled.append(key)

    worker = BackgroundWorker("test", handle, log, concurrency=1, max_waiting=9)
    for key in range(5):
        worker.submit(key)
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert handled == list(range(5))


async def test_closing_cancels_what_is_not_done_in_time() -> None:
    canceled: list[int] = []

    async def handle(key: int) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            canceled.append(key)
            raise

    worker = BackgroundWorker("test", handle, log, concurrency=2, max_waiting=9, close_seconds=0.05)
    for key in range(4):
        worker.submit(key)
    await worker.close()
    assert sorted(canceled) == [0, 1]
