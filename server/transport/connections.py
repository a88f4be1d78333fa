"""The long-lived connections of this process: counted, bounded, and sent away gently at the end."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from server.transport.limits import CONNECTIONS_MAX_COUNT
from server.transport.rejected import Rejected

_STEP_SECONDS = 0.02


class LiveConnections:
    """Open sockets and event streams, each known by the function that asks it to leave."""

    def __init__(self, max_count: int = CONNECTIONS_MAX_COUNT) -> None:
        self._max_count = max_count
        self._leave: dict[int, Callable[[], None]] = {}
        self._numbers = iter(range(2**63))
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._leave)

    def check_room(self) -> None:
        """Raise Rejected (503) when this process takes no further connection."""
        if self._draining:
            raise Rejected(
                503, "UNAVAILABLE", "This server is leaving: reconnect.", {"retry-after": "1"}
            )
        if len(self._leave) >= self._max_count:
            raise Rejected(
                503, "UNAVAILABLE", "This server is full: try again.", {"retry-after": "5"}
            )

    def hold(self, leave: Callable[[], None]) -> Callable[[], None]:
        """Count one connection until what is answered is called; `leave` asks it to end soon."""
        number = next(self._numbers)
        self._leave[number] = leave
        self._empty.clear()

        def left() -> None:
            self._leave.pop(number, None)
            if not self._leave:
                self._empty.set()

        return left

    @contextmanager
    def held(self, leave: Callable[[], None]) -> Iterator[None]:
        """Count one connection while the block runs; `leave` asks it to end soon."""
        left = self.hold(leave)
        try:
            yield
        finally:
            left()

    async def drain(
        self, *, spread_seconds: float, grace_seconds: float = 5.0, notice_seconds: float = 0.0
    ) -> int:
        """Ask every connection to leave, evenly over the spread, so clients don't return at once.

        Answers how many had still not left when the grace was over. Call it before the server
        stops listening: uvicorn closes what it finds with 1012, all in one moment.
        """
        self._draining = True
        # A balancer learns of it by asking: who is sent away before comes straight back.
        await asyncio.sleep(notice_seconds)
        waiting = list(self._leave)
        random.shuffle(waiting)
        # A few at each step rather than one timer each: ten thousand sockets leave in time too.
        steps = max(1, min(len(waiting), int(spread_seconds / _STEP_SECONDS)))
        for step in range(steps):
            for number in waiting[step::steps]:
                if leave := self._leave.get(number):
                    leave()
            if self._leave:
                await asyncio.sleep(spread_seconds / steps)
        try:
            async with asyncio.timeout(grace_seconds):
                await self._empty.wait()
        except TimeoutError:
            pass
        return len(self._leave)
