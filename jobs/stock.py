"""Jobs that expire reservations, withdraw unsellable batches and audit stock."""

from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs.retry_each import process_each
from services.stock import recalls, reservations, stock_audit


async def withdraw_unsellable_batches(database: Database) -> int:
    """Withdraw the unreserved units of expired and recalled batches; returns how many units.

    Each store has a transaction of its own, so that one failure does not stop the others.
    """
    async with database.read(PLATFORM) as session:
        store_ids = await recalls.stores_with_unsellable_units(session)

    async def work(store_id: UUID) -> int:
        async with database.write(PLATFORM, AuditContext("job:batch.set_aside")) as session:
            return await recalls.set_aside_unsellable(session, store_id)

    return await process_each(database, "batch.set_aside", store_ids, work)


async def expire_reservations(database: Database) -> int:
    """Release reservations of ended or never placed orders; returns how many orders."""
    async with database.write(PLATFORM, AuditContext("job:hold.sweep")) as session:
        return await reservations.expire(session)


async def audit_next_store(database: Database) -> int:
    """Audit the next store that is due; returns how many stores were audited."""
    async with database.write(PLATFORM, AuditContext("job:stock.audit")) as session:
        return await stock_audit.audit_next(session)
