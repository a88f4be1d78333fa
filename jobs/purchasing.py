"""Job that computes replenishment proposals, once a day per store."""

from database.sessions import Database
from jobs.retry_each import DueItems, process_in_transactions
from services.purchasing import replenishment

OUTDATED_STORES = DueItems("reorder.refresh", replenishment.DUE_STORES, max_items=20)


async def refresh_proposals(database: Database) -> int:
    """Recompute the proposals of every store that has none of today; returns how many stores."""
    return await process_in_transactions(database, OUTDATED_STORES, replenishment.refresh_due)
