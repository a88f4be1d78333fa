"""Runs the check of stock levels until no store is due, whatever other tests have left."""

from database.sessions import Database
from jobs import alerts
from jobs.retry_each import select_due


async def check_all_levels(database: Database) -> None:
    """Check every store that is due; a run of the job ends after some seconds."""
    await alerts.check_stock_levels(database)
    while await select_due(database, alerts.CHANGED_STORES):
        await alerts.check_stock_levels(database)
