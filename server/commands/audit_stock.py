"""`python -m server audit-stock`: compare stock counters with the stock movements."""

import asyncio
from collections.abc import Mapping, Sequence

from database.scope import PLATFORM
from database.sessions import Database
from server.settings.declarations import DATABASE_URL
from services.stock.audit import stock_audit


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Return 0 if the movements explain every counter; 1 with a line for each difference."""
    stores, differences = asyncio.run(audit(DATABASE_URL.read(environment)))
    for difference in differences:
        print(f"audit-stock: {difference}")
    print(f"audit-stock: {stores} stores, {len(differences)} differences.")
    return 1 if differences else 0


async def audit(url: str) -> tuple[int, list[stock_audit.StockDifference]]:
    """Return the number of stores and every difference in them."""
    database = Database(url, pool_size=1)
    differences: list[stock_audit.StockDifference] = []
    try:
        async with database.read(PLATFORM) as session:
            stores = await stock_audit.list_store_ids(session)
        for store_id in stores:
            async with database.read(PLATFORM) as session:
                differences += await stock_audit.audit_store(session, store_id)
    finally:
        await database.close()
    return len(stores), differences
