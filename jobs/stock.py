"""Jobs that expire reservations, withdraw unsellable batches and audit stock."""

from uuid import UUID

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs.retry_each import DueItems, process_batch, process_due
from services.stock import recalls, reservations, stock_audit

MAX_SWEEP_STORES = 1_000
STORES_TO_SET_ASIDE = DueItems(
    "batch.set_aside", recalls.stores_with_unsellable_units(), max_items=MAX_SWEEP_STORES
)
OVERDUE_HOLDS = DueItems("hold.sweep", reservations.ORDERS_OF_OVERDUE_HOLDS)
STORES_TO_AUDIT = DueItems("stock.audit", stock_audit.DUE_STORES, max_items=1)


async def withdraw_unsellable_batches(database: Database) -> int:
    """Withdraw the unreserved units of expired and recalled batches; returns how many units.

    Each store has a transaction of its own, so that one failure does not stop the others.
    """

    async def work(store_id: UUID) -> int:
        async with database.write(PLATFORM, AuditContext("job:batch.set_aside")) as session:
            return await recalls.set_aside_unsellable(session, store_id)

    return await process_due(database, STORES_TO_SET_ASIDE, work)


async def expire_reservations(database: Database) -> int:
    """Release reservations of ended or never placed orders; returns how many orders."""
    return await process_batch(database, OVERDUE_HOLDS, reservations.expire)


async def audit_next_store(database: Database) -> int:
    """Audit the next store that is due; returns how many stores were audited."""

    async def work(store_id: UUID) -> int:
        async with database.write(PLATFORM, AuditContext("job:stock.audit")) as session:
            return await stock_audit.audit_due(session, store_id)

    return await process_due(database, STORES_TO_AUDIT, work)
