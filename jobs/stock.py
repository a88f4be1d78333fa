"""Jobs that expire reservations, withdraw unsellable batches and audit stock."""

from uuid import UUID

from database.scope import PLATFORM
from database.sessions import Database, Origin
from jobs.retry_each import each
from services.stock import recalls, reservations, stock_audit


async def set_aside(database: Database) -> int:
    """Take out of sale what nobody was promised of expired and recalled batches; how many units.

    A store at a time: one that fails is tried again and holds no other up.
    """
    async with database.read(PLATFORM) as session:
        waiting = await recalls.stores_due(session)

    async def work(store_id: UUID) -> int:
        async with database.write(PLATFORM, Origin("job:batch.set_aside")) as session:
            return await recalls.set_aside(session, store_id)

    return await each(database, "batch.set_aside", waiting, work)


async def sweep(database: Database) -> int:
    """Give back what is held for orders that never came or are over; answers how many orders."""
    async with database.write(PLATFORM, Origin("job:hold.sweep")) as session:
        return await reservations.expire(session)


async def audit(database: Database) -> int:
    """Audit the next store that is due; answers how many stores that was."""
    async with database.write(PLATFORM, Origin("job:stock.audit")) as session:
        return await stock_audit.audit_next(session)
