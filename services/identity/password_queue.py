"""The queue for password hashing: at most one hash per core, and turns between those who wait.

A hash takes tens of milliseconds of a core, so a flood of sign-ins is a queue. Clients of one
network share one place in the turns, and devices that are known to the account have a lane of their
own, so that neither can shut sign-in for the others.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from services.core.fair_queue import FairQueue
from services.core.problems import DomainError, RateLimited
from services.identity.attempts import AttemptSource
from services.identity.passwords import (
    hash_password,
    may_need_rehash,
    needs_rehash,
    verify_password,
)

MAX_WAITING = 64
"""How many wait in each of the two lanes."""
RETRY_WHEN_BUSY_SECONDS = 2
Result = TypeVar("Result")


class PasswordsBusy(DomainError):
    """Too many password hashes are waiting."""

    def __init__(self) -> None:
        message = "Too many people are signing in: try again in a moment."
        super().__init__(
            RateLimited(
                path=["input"], message=message, retry_after_seconds=RETRY_WHEN_BUSY_SECONDS
            )
        )


@dataclass(frozen=True, slots=True)
class _Waiting:
    turn: "asyncio.Future[None]"
    party: str


class PasswordQueue:
    """Hashes and checks passwords in threads; a check for an unknown account costs a hash too."""

    def __init__(self, cores: int | None = None) -> None:
        self._free_cores = cores or os.cpu_count() or 1
        self._known: FairQueue[_Waiting] = _lane()
        self._others: FairQueue[_Waiting] = _lane()
        self._known_next = True
        self._dummy_hash: str | None = None

    async def check(self, stored: str | None, text: str, source: AttemptSource) -> bool:
        """Return whether the password matches; takes equally long if `stored` is None.

        Raises PasswordsBusy if too many are waiting.
        """

        def verify() -> bool:
            if self._dummy_hash is None:
                self._dummy_hash = hash_password(os.urandom(16).hex())
            return verify_password(stored or self._dummy_hash, text) and stored is not None

        return await self._run(verify, source)

    async def hash(self, text: str, source: AttemptSource) -> str:
        """Return the hash of a new password. Raises PasswordsBusy if too many are waiting."""
        return await self._run(lambda: hash_password(text), source)

    async def renew(self, stored: str, text: str, source: AttemptSource) -> str | None:
        """Return the hash that replaces an outdated one of a password that matches, or None.

        Raises PasswordsBusy if too many are waiting.
        """
        if not may_need_rehash(stored, text):
            return None
        return await self._run(
            lambda: hash_password(text) if needs_rehash(stored, text) else None, source
        )

    async def _run(self, work: Callable[[], Result], source: AttemptSource) -> Result:
        await self._wait_for_turn(source)
        try:
            return await asyncio.to_thread(work)
        finally:
            self._release()

    async def _wait_for_turn(self, source: AttemptSource) -> None:
        if self._free_cores:
            self._free_cores -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        waiting, lane = _Waiting(turn, source.party), self._known if source.known else self._others
        if lane.full():
            evicted = lane.evict_for(waiting)
            if evicted is None:
                raise PasswordsBusy
            if not evicted.turn.done():
                evicted.turn.set_exception(PasswordsBusy())
        lane.put_nowait(waiting)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._release()  # the turn came together with the cancellation
            raise

    def _release(self) -> None:
        """Pass the core to who waits, known devices and others in turns."""
        while (lane := self._next_lane()) is not None:
            turn = lane.get_nowait().turn
            lane.task_done()
            if not turn.done():
                turn.set_result(None)
                return
        self._free_cores += 1

    def _next_lane(self) -> "FairQueue[_Waiting] | None":
        lanes = [self._known, self._others]
        if not self._known_next:
            lanes.reverse()
        self._known_next = not self._known_next
        return next((lane for lane in lanes if not lane.empty()), None)


def _lane() -> "FairQueue[_Waiting]":
    return FairQueue(MAX_WAITING, lambda waiting: waiting.party)
