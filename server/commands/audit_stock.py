"""`python -m server audit-stock`: compare every shelf with its books, and name what differs."""

import asyncio
import sys
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import SQLAlchemyError

from database.scope import PLATFORM
from database.sessions import Database
from server.commands.migrate import sentence
from services.stock import stock_audit


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """0 when the books explain every counter; 1 with a line for each that they don't."""
    url = environment.get("DATABASE_URL", "")
    if not url:
        print("audit-stock: DATABASE_URL is not set.", file=sys.stderr)
        return 1
    try:
        stores, found = asyncio.run(audit(url))
    except (OSError, SQLAlchemyError) as error:
        print(f"audit-stock: {sentence(error)}", file=sys.stderr)
        return 1
    for one in found:
        print(f"audit-stock: {one}")
    print(f"audit-stock: {stores} stores, {len(found)} differences.")
    return 1 if found else 0


async def audit(url: str) -> tuple[int, list[stock_audit.Difference]]:
    """How many stores there are, and every difference in them."""
    database = Database(url, pool_size=1)
    found: list[stock_audit.Difference] = []
    try:
        async with database.read(PLATFORM) as session:
            stores = await stock_audit.stores(session)
        for store_id in stores:
            async with database.read(PLATFORM) as session:
                found += await stock_audit.audit(session, store_id)
    finally:
        await database.close()
    return len(stores), found
