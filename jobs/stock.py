"""Jobs that expire reservations, withdraw unsellable batches and audit stock."""

from database.sessions import Database
from jobs.retry_each import DueItems, process_batch, process_in_transactions
from services.stock import recalls, reservations
from services.stock.audit import stock_audit

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
    return await process_in_transactions(
        database, STORES_TO_SET_ASIDE, recalls.set_aside_unsellable
    )


async def expire_reservations(database: Database) -> int:
    """Release reservations of ended or never placed orders; returns how many orders."""
    return await process_batch(database, OVERDUE_HOLDS, reservations.expire)


async def audit_next_store(database: Database) -> int:
    """Audit the next store that is due; returns how many stores were audited."""
    return await process_in_transactions(database, STORES_TO_AUDIT, stock_audit.audit_due)
