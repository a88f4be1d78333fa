"""The stream part of a server process: a database and the hub that publishes its events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from database.announcer import EventNotice
from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from services.events.event_log import record_event
from subscriptions.engine.hub import Hub
from tests.support.waiting import until

ORIGIN = AuditContext("test:stream")
TIMEOUT_SECONDS = 15.0


@dataclass
class StreamProcess:
    """The handles of one process."""

    database: Database
    hub: Hub

    async def record_events(
        self, stream: str, *types: str, body: dict[str, object] | None = None
    ) -> None:
        """Record events of these types in one transaction."""
        async with self.database.write(PLATFORM, ORIGIN) as session:
            for event_type in types:
                record_event(session, stream, event_type, dict(body or {}), company_id=None)


@asynccontextmanager
async def start_process(database_url: str, redis_url: str) -> AsyncIterator[StreamProcess]:
    """Run a process, connected to Redis, until the block ends."""
    database = Database(database_url)
    hub = Hub(database, redis_url)
    database.announcer.subscribe(hub.publish_events)
    await hub.start()
    try:
        await until(lambda: hub.connected, what="the connection to Redis")
        yield StreamProcess(database, hub)
    finally:
        await hub.close()
        await database.close()


async def receive_events(hub: Hub, stream: str, count: int, after: int = 0) -> list[EventNotice]:
    """Return the next `count` events of a stream, or a few more of the same batch."""
    received: list[EventNotice] = []
    events = hub.events(stream, after)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            async for batch in events:
                received.extend(batch)
                if len(received) >= count:
                    break
    finally:
        await events.aclose()
    return received


def unique_stream() -> str:
    """Return the name of a new order stream."""
    return f"order:{uuid4()}"
