"""Job that starts and ends scheduled prices."""

from database.sessions import Database
from jobs.retry_each import DueItems, process_batch
from services.catalog import scheduled_prices

DUE_PRICES = DueItems("price_change.apply_due", scheduled_prices.DUE_CHANGES, max_items=200)
MAX_TRANSACTIONS = 20


async def apply_due_prices(database: Database) -> int:
    """Apply the scheduled prices that are due, in batches; returns how many."""
    total = 0
    for _ in range(MAX_TRANSACTIONS):
        count = await process_batch(database, DUE_PRICES, scheduled_prices.apply_due)
        total += count
        if not count:
            break
    return total
