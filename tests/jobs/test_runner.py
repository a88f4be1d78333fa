"""The job runner: repeats, limits and stops jobs, and survives their failures."""

import asyncio
import logging
from typing import Any, cast

import pytest

from jobs import runner
from jobs.runner import Job, JobDependencies, run_jobs
from jobs.schedule import JOBS
from tests.support.waiting import until

DEPENDENCIES = JobDependencies(*[cast(Any, None)] * 7)
INTERVAL_SECONDS = 0.005
TIMEOUT_SECONDS = 60.0


class Work:
    """A job that counts its runs and may fail, hang or take some time."""

    def __init__(self, *, seconds: float = 0, failures: int = 0, item_count: int = 1) -> None:
        self.runs = self.finished = self.running = self.max_running = 0
        self.seconds, self.failures, self.item_count = seconds, failures, item_count

    async def __call__(self, dependencies: JobDependencies) -> int:
        assert dependencies is DEPENDENCIES
        self.runs += 1
        self.running += 1
        self.max_running = max(self.max_running, self.running)
        try:
            await asyncio.sleep(self.seconds)
            if self.runs <= self.failures:
                raise ValueError("failed on purpose")
        finally:
            self.running -= 1
        self.finished += 1
        return self.item_count


async def run(condition: Any, **work: Work) -> None:
    """Run jobs until a condition holds, then stop them."""
    stop = asyncio.Event()
    jobs = [Job(name, INTERVAL_SECONDS, function) for name, function in work.items()]
    async with asyncio.timeout(TIMEOUT_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(run_jobs(jobs, DEPENDENCIES, stop))
        try:
            await until(condition)
        finally:
            stop.set()


async def test_jobs_repeat_and_never_overlap_themselves() -> None:
    quick, slow = Work(), Work(seconds=0.03)
    await run(lambda: quick.runs >= 5 and slow.runs >= 3, quick=quick, slow=slow)
    assert (quick.max_running, slow.max_running) == (1, 1)


async def test_a_failing_job_is_repeated_and_does_not_delay_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "MAX_BACK_OFF_SECONDS", 0.05)
    bad, good = Work(failures=3), Work()
    with caplog.at_level(logging.WARNING, "darkstore.jobs"):
        await run(lambda: bad.finished >= 1, bad=bad, good=good)
    assert bad.runs >= 4
    assert good.finished >= 3
    warnings = [record for record in caplog.records if "bad failed" in record.getMessage()]
    assert len(warnings) == 3
    assert all(record.exc_info for record in warnings)


async def test_a_hanging_job_is_canceled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "RUN_TIMEOUT_SECONDS", 0.02)
    monkeypatch.setattr(runner, "MAX_BACK_OFF_SECONDS", 0.01)
    stuck = Work(seconds=60)
    await run(lambda: stuck.runs >= 3, stuck=stuck)
    assert stuck.finished == 0
    assert "stuck failed" in caplog.text


async def test_a_job_continues_when_a_task_it_awaits_is_canceled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "MAX_BACK_OFF_SECONDS", 0.01)
    runs: list[int] = []

    async def wait_for_another(dependencies: JobDependencies) -> int:
        runs.append(1)
        other = asyncio.get_running_loop().create_future()
        other.cancel()
        await other
        return 1

    stop = asyncio.Event()
    async with asyncio.timeout(TIMEOUT_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(
            run_jobs([Job("canceled", INTERVAL_SECONDS, wait_for_another)], DEPENDENCIES, stop)
        )
        await until(lambda: len(runs) >= 3)
        stop.set()
    assert "canceled failed" in caplog.text


async def test_the_pause_after_a_failure_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def wait(stop: asyncio.Event, seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) >= 20:
            stop.set()
        await asyncio.sleep(0)

    monkeypatch.setattr(runner, "_wait", wait)
    await run_jobs([Job("bad", 1.0, Work(failures=1_000))], DEPENDENCIES, asyncio.Event())
    assert min(pauses) >= 0.9
    assert max(pauses) <= runner.MAX_BACK_OFF_SECONDS * 1.1


async def test_stopping_finishes_running_jobs_and_skips_pauses() -> None:
    stop, slow, rare = asyncio.Event(), Work(seconds=0.1), Work()
    jobs = [Job("slow", 3600, slow), Job("rare", 3600, rare)]
    async with asyncio.timeout(TIMEOUT_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(run_jobs(jobs, DEPENDENCIES, stop))
        await until(lambda: slow.running == 1 and rare.finished == 1)
        stop.set()
    assert slow.finished == 1
    assert (slow.runs, rare.runs) == (1, 1)


async def test_a_run_without_items_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    idle, busy = Work(item_count=0), Work(item_count=7)
    with caplog.at_level(logging.INFO, "darkstore.jobs"):
        await run(lambda: idle.finished >= 2 and busy.finished >= 2, idle=idle, busy=busy)
    assert "busy processed 7 in" in caplog.text
    assert "idle" not in caplog.text


async def test_canceling_the_runner_cancels_its_jobs() -> None:
    stuck = Work(seconds=60)
    task = asyncio.create_task(run_jobs([Job("stuck", 1, stuck)], DEPENDENCIES, asyncio.Event()))
    await until(lambda: stuck.running == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (stuck.running, stuck.finished) == (0, 0)


def test_every_job_has_a_unique_name_and_an_interval() -> None:
    names = [job.name for job in JOBS]
    assert len(names) == len(set(names))
    assert all(job.interval_seconds > 0 for job in JOBS)
