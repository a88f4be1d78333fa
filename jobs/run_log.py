"""What operators read of the jobs of this process, gathered in memory and written now and then."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from database.scope import PLATFORM
from database.sessions import Database, Origin
from services.operations import job_status
from services.operations.job_status import BACKLOG_COUNT, Run

log = logging.getLogger("darkstore.jobs")

KEEP_SECONDS = 5.0
COUNT_SECONDS = 15.0


@dataclass(slots=True)
class Tally:
    """A job since it was last written down."""

    every_seconds: float
    began: float = 0.0
    duration_ms: int = 0
    done: int = 0
    runs: int = 0
    failures: int = 0
    error: str | None = None


class Book:
    """One per worker; `waiting` are the statements that count what is due for a job."""

    def __init__(self, database: Database, waiting: dict[str, str]) -> None:
        self._database = database
        self._waiting = waiting
        self._tallies: dict[str, Tally] = {}
        self._counted_at = 0.0

    def ran(
        self, name: str, every_seconds: float, began: float, done: int, error: str | None
    ) -> None:
        """A run has ended: `began` is by the monotonic clock."""
        tally = self._tallies.setdefault(name, Tally(every_seconds))
        tally.began, tally.done = began, done
        tally.duration_ms = round((time.monotonic() - began) * 1_000)
        tally.runs += 1
        tally.failures = 0 if error is None else tally.failures + 1
        tally.error = error or tally.error

    async def keep(self, stop: asyncio.Event) -> None:
        """Write down every few seconds until `stop`."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(KEEP_SECONDS):
                    await stop.wait()
            except TimeoutError:
                pass
            await self.write()

    async def write(self) -> None:
        """Write down what came together; what can't be written is dropped, not gathered."""
        tallies, self._tallies = self._tallies, {}
        try:
            counts = await self._counts()
            async with self._database.write(PLATFORM, Origin("job:book")) as session:
                await job_status.note(session, _runs(tallies, counts))
        except Exception:
            log.warning("how the jobs fare could not be written down", exc_info=True)

    async def _counts(self) -> dict[str, int]:
        if time.monotonic() - self._counted_at < COUNT_SECONDS:
            return {}
        self._counted_at = time.monotonic()
        counts = {}
        async with self._database.read(PLATFORM) as session:
            for name, rows in self._waiting.items():
                # Counted no further than this: a long queue is long enough.
                counting = f"select count(*) from ({rows} limit {BACKLOG_COUNT}) as due"  # noqa: S608 - of our own table of jobs
                counts[name] = int(await session.scalar(text(counting)) or 0)
        return counts


def _runs(tallies: dict[str, Tally], counts: dict[str, int]) -> Sequence[Run]:
    now = time.monotonic()
    return [
        Run(
            name=name,
            every_seconds=tally.every_seconds,
            ago_seconds=now - tally.began,
            duration_ms=tally.duration_ms,
            done=tally.done,
            runs=tally.runs,
            failures=tally.failures,
            error=tally.error,
            backlog=counts.get(name),
        )
        for name, tally in sorted(tallies.items())
    ]
