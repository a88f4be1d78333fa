"""The database as a process without listeners uses it: it announces, and hears nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.database import APPLICATION_ROLE, CATALOG_ROLE, Database, open_engine
from server.settings import Settings
from subscriptions.hub import Hub


@asynccontextmanager
async def open_workbench(settings: Settings) -> AsyncIterator[Database]:
    """A database whose committed events are told to the servers."""
    database = Database(
        open_engine(settings.database_url, APPLICATION_ROLE, pool_size=5),
        open_engine(settings.database_url, CATALOG_ROLE, pool_size=2),
    )
    hub = Hub(database, settings.redis_url or "memory://")
    database.announce = hub.announce
    await hub.start()
    try:
        yield database
    finally:
        await hub.close()
        await database.close()
