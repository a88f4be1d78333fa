"""Job that starts and ends scheduled prices."""

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from services.catalog import scheduled_prices

PRICES_PER_TRANSACTION = 200
MAX_TRANSACTIONS = 20


async def apply_due_prices(database: Database) -> int:
    """Apply the scheduled prices that are due, in batches; returns how many."""
    async with database.read(PLATFORM) as session:
        if not await session.scalar(scheduled_prices.ANY_DUE):
            return 0
    total = 0
    for _ in range(MAX_TRANSACTIONS):
        async with database.write(PLATFORM, AuditContext("job:price_change.apply_due")) as session:
            count = await scheduled_prices.apply_due(session, PRICES_PER_TRANSACTION)
        total += count
        if not count:
            break
    return total
