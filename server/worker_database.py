"""The database as a process without listeners uses it: it announces, and hears nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from database.sessions import Database
from server.settings import Settings
from subscriptions.engine.hub import Hub


@asynccontextmanager
async def open_workbench(settings: Settings) -> AsyncIterator[Database]:
    """A database whose committed events are told to the servers."""
    database = Database(settings.database_url, pool_size=5)
    hub = Hub(database, settings.redis_url or "memory://")
    database.announce = hub.announce
    await hub.start()
    try:
        yield database
    finally:
        await hub.close()
        await database.close()
