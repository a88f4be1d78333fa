"""The long-lived connections of this process: counted, limited, and closed gradually at the end."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from server.transport.connection_caps import NetworkCounts
from server.transport.limits import MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS
from server.transport.rejection import RequestRejected

_STEP_SECONDS = 0.02


class LiveConnections:
    """Open sockets and event streams, each with the function that asks it to close."""

    def __init__(
        self,
        max_count: int = MAX_CONNECTIONS,
        per_address: int = MAX_CONNECTIONS_PER_ADDRESS,
    ) -> None:
        self._max_count = max_count
        self._networks = NetworkCounts(per_address, this_machine=False)
        self._closers: dict[int, Callable[[], None]] = {}
        self._numbers = iter(range(2**63))
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._closers)

    @property
    def draining(self) -> bool:
        """Whether the server is about to stop."""
        return self._draining

    def check_capacity(self, client: str) -> None:
        """Raise RequestRejected (503) when this process accepts no further one from a client.

        Behind a proxy only this limits a client: the connection is the proxy's.
        """
        if self._draining:
            raise RequestRejected(
                503, "UNAVAILABLE", "This server is leaving: reconnect.", retry_after_seconds=1
            )
        if len(self._closers) >= self._max_count:
            raise RequestRejected(
                503, "UNAVAILABLE", "This server is full: try again.", retry_after_seconds=5
            )
        if not self._networks.has_room(client):
            message = "Too many connections are open from your address: close some."
            raise RequestRejected(503, "UNAVAILABLE", message, retry_after_seconds=5)

    def register(self, client: str, close: Callable[[], None]) -> Callable[[], None]:
        """Count one connection until the returned function is called; `close` asks it to end."""
        number = next(self._numbers)
        self._closers[number] = close
        self._networks.add(client, 1)
        self._empty.clear()

        def unregister() -> None:
            if self._closers.pop(number, None) is not None:
                self._networks.add(client, -1)
            if not self._closers:
                self._empty.set()

        return unregister

    @contextmanager
    def registered(self, client: str, close: Callable[[], None]) -> Iterator[None]:
        """Count one connection while the block runs; `close` asks it to end."""
        unregister = self.register(client, close)
        try:
            yield
        finally:
            unregister()

    def begin_draining(self) -> None:
        """Accept no further connection, and report the process as not ready."""
        self._draining = True

    async def drain(
        self, *, spread_seconds: float, grace_seconds: float = 5.0, notice_seconds: float = 0.0
    ) -> int:
        """Ask every connection to close, evenly over `spread_seconds`; return how many remain.

        Spread, so that clients don't reconnect all at once. The remaining ones are those that are
        still open `grace_seconds` later. Call it before the server stops listening: uvicorn closes
        what it finds with 1012, all in one moment.
        """
        self.begin_draining()
        # A load balancer polls the readiness: clients closed before would come straight back.
        await asyncio.sleep(notice_seconds)
        waiting = list(self._closers)
        random.shuffle(waiting)
        # A few at each step rather than one timer each, so that ten thousand sockets fit too.
        steps = max(1, min(len(waiting), int(spread_seconds / _STEP_SECONDS)))
        for step in range(steps):
            for number in waiting[step::steps]:
                if close := self._closers.get(number):
                    close()
            if self._closers:
                await asyncio.sleep(spread_seconds / steps)
        try:
            async with asyncio.timeout(grace_seconds):
                await self._empty.wait()
        except TimeoutError:
            pass
        return len(self._closers)
