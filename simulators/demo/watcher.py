"""Follows one order as its customer."""

import asyncio
from collections.abc import Callable
from typing import Any

from simulators.demo.checks import UnexpectedResult
from simulators.demo.transcript import Transcript
from simulators.parts.customer import CustomerClient

SEEN_SECONDS = 15.0


class Watcher:
    """Subscribes to the order and stores all messages; prints each when it has a transcript."""

    def __init__(
        self, customer: CustomerClient, order_id: str, script: Transcript | None = None
    ) -> None:
        self.seen: list[dict[str, Any]] = []
        self._script = script
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._follow(customer, order_id))

    async def until(
        self, what: str, seen: Callable[[dict[str, Any]], bool], seconds: float = SEEN_SECONDS
    ) -> dict[str, Any]:
        """Wait for a message; raises UnexpectedResult when it does not come."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for message in self.seen:
                        if seen(message):
                            return message
                    if self._task.done():
                        self._task.result()
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise UnexpectedResult(f"the customer did not see {what}") from None

    async def event(self, kind: str, seconds: float = SEEN_SECONDS) -> None:
        """Wait for an event of this type."""
        await self.until(kind, lambda m: bool(m["event"]) and m["event"]["type"] == kind, seconds)

    def count(self, kind: str) -> int:
        """How many events of this type came."""
        return sum(bool(m["event"]) and m["event"]["type"] == kind for m in self.seen)

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self, customer: CustomerClient, order_id: str) -> None:
        async for message in customer.track(order_id):
            self.seen.append(message)
            self._news.set()
            if self._script is not None:
                _print(self._script, message)


def _print(script: Transcript, message: dict[str, Any]) -> None:
    if message["event"]:
        script.says("customer", f"sees {message['event']['type']}")
    elif place := message["riderLocation"]:
        words = f"sees the rider at {place['latitude']:.4f}, {place['longitude']:.4f}"
        script.says("customer", words)
