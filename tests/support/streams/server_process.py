"""What one server process has of streams: a database that announces, and the hub it tells."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from database.scope import PLATFORM
from database.sessions import Database, Hint, Origin
from services.events.event_log import happened
from subscriptions.engine.hub import Hub

ORIGIN = Origin("test:stream")
PATIENCE_SECONDS = 15.0


@dataclass
class Process:
    database: Database
    hub: Hub

    async def happen(self, stream: str, *types: str, body: dict[str, object] | None = None) -> None:
        """One unit of work that records these events."""
        async with self.database.write(PLATFORM, ORIGIN) as session:
            for one in types:
                happened(session, stream, one, dict(body or {}), company_id=None)


@asynccontextmanager
async def process(database_url: str, redis_url: str) -> AsyncIterator[Process]:
    database = Database(database_url)
    hub = Hub(database, redis_url)
    database.announce = hub.announce
    await hub.start()
    try:
        await until(lambda: hub.carried)
        yield Process(database, hub)
    finally:
        await hub.close()
        await database.close()


async def until(fact: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.01)


async def heard(hub: Hub, stream: str, count: int, after: int = 0) -> list[Hint]:
    """The next `count` events of a stream."""
    found: list[Hint] = []
    events = hub.events(stream, after)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for batch in events:
                found.extend(batch)
                if len(found) >= count:
                    break
    finally:
        await events.aclose()
    return found


def name() -> str:
    """A stream of the test's own."""
    return f"order:{uuid4()}"
