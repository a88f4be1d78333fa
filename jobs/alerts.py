"""Jobs that raise and resolve stock alerts, store by store, and end their snoozes."""

from functools import partial

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from jobs.retry_each import DueItems, process_in_transactions
from models.alerts import StockAlertKind
from services.alerts import detection, store_checks

MAX_STORES = 500
MAX_WOKEN = 500
CHANGED_STORES = DueItems("alert.watch_shelves", store_checks.STORES_WITH_CHANGES, MAX_STORES)
STORES_BY_EXPIRY = DueItems(
    "alert.watch_dates", store_checks.STORES_WITH_OLD_EXPIRY_CHECK, MAX_STORES
)
STORES_BY_SALES = DueItems(
    "alert.watch_sales", store_checks.STORES_WITH_OLD_SALES_CHECK, MAX_STORES
)


async def check_stock_levels(database: Database) -> int:
    """Check stock that has changed, and reopen alerts whose snooze has ended.

    Returns how many alerts changed.
    """
    async with database.write(PLATFORM, AuditContext("job:alert.wake")) as session:
        reopened = await detection.reopen_snoozed(session, MAX_WOKEN)
    checked = await process_in_transactions(database, CHANGED_STORES, store_checks.check_levels)
    return reopened + checked


async def check_expiry_dates(database: Database) -> int:
    """Check for batches that expire within three days; returns how many alerts changed."""
    check = partial(store_checks.check_kind, name=store_checks.EXPIRY, kind=StockAlertKind.EXPIRING)
    return await process_in_transactions(database, STORES_BY_EXPIRY, check)


async def check_sales_trends(database: Database) -> int:
    """Check the sales trends of four weeks; returns how many alerts changed."""
    check = partial(
        store_checks.check_kind, name=store_checks.SALES, kind=StockAlertKind.SALES_DECLINE
    )
    return await process_in_transactions(database, STORES_BY_SALES, check)
