"""Jobs that raise and resolve stock alerts and end their snoozes."""

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from models.alerts import AlertKind
from services.alerts import detection

STOCK_LEVEL_KINDS = (AlertKind.OUT_OF_STOCK, AlertKind.LOW)
EXPIRY_KINDS = (AlertKind.EXPIRING,)
SALES_TREND_KINDS = (AlertKind.NEGATIVE_TREND,)


async def check_stock_levels(database: Database) -> int:
    """Check stock levels and reopen alerts whose snooze has ended; returns how many changed."""
    async with database.write(PLATFORM, AuditContext("job:alert.wake")) as session:
        reopened = await detection.reopen_snoozed(session)
    return reopened + await _update_alerts(database, STOCK_LEVEL_KINDS)


async def check_expiry_dates(database: Database) -> int:
    """Check for batches that expire within three days; returns how many alerts changed."""
    return await _update_alerts(database, EXPIRY_KINDS)


async def check_sales_trends(database: Database) -> int:
    """Check the sales trends of four weeks; returns how many alerts changed."""
    return await _update_alerts(database, SALES_TREND_KINDS)


async def _update_alerts(database: Database, kinds: tuple[AlertKind, ...]) -> int:
    count = 0
    for kind in kinds:
        async with database.write(PLATFORM, AuditContext("job:alert.watch")) as session:
            count += await detection.detect(session, kind)
    return count
