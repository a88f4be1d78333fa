"""The loop that does the background work: it goes on, it is bounded, and it stops when told to."""

import asyncio
import logging
import time
from typing import Any, cast

import pytest

from jobs import runner
from jobs.runner import Hands, Job, run_all
from jobs.schedule import JOBS

HANDS = Hands(*[cast(Any, None)] * 5)
SOON_SECONDS = 0.005
PATIENCE_SECONDS = 5.0


class Work:
    """A job to watch: counts its runs, and may fail, hang or take its time."""

    def __init__(self, *, seconds: float = 0, fails: int = 0, answer: int = 1) -> None:
        self.runs = self.ended = self.together = self.most_together = 0
        self.seconds, self.fails, self.answer = seconds, fails, answer

    async def __call__(self, hands: Hands) -> int:
        assert hands is HANDS
        self.runs += 1
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        try:
            await asyncio.sleep(self.seconds)
            if self.runs <= self.fails:
                raise ValueError("no luck")
        finally:
            self.together -= 1
        self.ended += 1
        return self.answer


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for is anything that can be seen
            await asyncio.sleep(SOON_SECONDS)


async def run(condition: Any, **work: Work) -> None:
    """Run jobs until a condition holds, then have them stop."""
    stop = asyncio.Event()
    jobs = [Job(name, SOON_SECONDS, one) for name, one in work.items()]
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(run_all(jobs, HANDS, stop))
        try:
            await until(condition)
        finally:
            stop.set()


async def test_each_job_is_done_again_and_never_twice_at_once() -> None:
    quick, slow = Work(), Work(seconds=0.03)
    await run(lambda: quick.runs >= 5 and slow.runs >= 3, quick=quick, slow=slow)
    assert (quick.most_together, slow.most_together) == (1, 1)


async def test_a_job_that_fails_is_tried_again_and_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "BACK_OFF_SECONDS", 0.05)
    bad, good = Work(fails=3), Work()
    with caplog.at_level(logging.WARNING, "darkstore.jobs"):
        await run(lambda: bad.ended >= 1, bad=bad, good=good)
    assert bad.runs >= 4
    assert good.ended >= 3
    warnings = [record for record in caplog.records if "bad failed" in record.getMessage()]
    assert len(warnings) == 3
    assert all(record.exc_info for record in warnings)


async def test_a_job_that_hangs_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "RUN_SECONDS", 0.02)
    monkeypatch.setattr(runner, "BACK_OFF_SECONDS", 0.01)
    stuck = Work(seconds=60)
    await run(lambda: stuck.runs >= 3, stuck=stuck)
    assert stuck.ended == 0
    assert "stuck failed" in caplog.text


async def test_a_job_goes_on_when_what_it_waits_for_is_canceled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "BACK_OFF_SECONDS", 0.01)
    runs: list[int] = []

    async def wait_for_another(hands: Hands) -> int:
        runs.append(1)
        other = asyncio.get_running_loop().create_future()
        other.cancel()
        await other
        return 1

    stop = asyncio.Event()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(run_all([Job("bereft", SOON_SECONDS, wait_for_another)], HANDS, stop))
        await until(lambda: len(runs) >= 3)
        stop.set()
    assert "bereft failed" in caplog.text


async def test_a_failure_is_followed_by_a_pause_of_bounded_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paused: list[float] = []

    async def wait(stop: asyncio.Event, seconds: float) -> None:
        paused.append(seconds)
        if len(paused) >= 20:
            stop.set()
        await asyncio.sleep(0)

    monkeypatch.setattr(runner, "_wait", wait)
    await run_all([Job("bad", 1.0, Work(fails=1_000))], HANDS, asyncio.Event())
    assert min(paused) >= 0.9
    assert max(paused) <= runner.BACK_OFF_SECONDS * 1.1


async def test_stopping_lets_the_run_under_way_end_and_waits_for_no_pause() -> None:
    began = time.monotonic()
    stop, slow, rare = asyncio.Event(), Work(seconds=0.1), Work()
    jobs = [Job("slow", 3600, slow), Job("rare", 3600, rare)]
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(run_all(jobs, HANDS, stop))
        await until(lambda: slow.together == 1 and rare.ended == 1)
        stop.set()
    assert slow.ended == 1
    assert time.monotonic() - began < PATIENCE_SECONDS


async def test_nothing_to_do_is_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    idle, busy = Work(answer=0), Work(answer=7)
    with caplog.at_level(logging.INFO, "darkstore.jobs"):
        await run(lambda: idle.ended >= 2 and busy.ended >= 2, idle=idle, busy=busy)
    assert "busy did 7 in" in caplog.text
    assert "idle" not in caplog.text


async def test_canceling_the_runner_cancels_its_jobs() -> None:
    stuck = Work(seconds=60)
    task = asyncio.create_task(run_all([Job("stuck", 1, stuck)], HANDS, asyncio.Event()))
    await until(lambda: stuck.together == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (stuck.together, stuck.ended) == (0, 0)


def test_every_job_of_the_house_has_a_name_of_its_own_and_a_pace() -> None:
    names = [job.name for job in JOBS]
    assert len(names) == len(set(names))
    assert all(job.every_seconds > 0 for job in JOBS)
