"""Waits until transactions of this database wait for a lock."""

import asyncpg

from database.sessions import Database
from tests.support.waiting import until

WAITING = (
    "select count(*) from pg_stat_activity"
    " where datname = current_database() and wait_event_type = 'Lock'"
)


async def until_waiting(database: Database, count: int = 1) -> None:
    """Return once so many transactions wait for a lock that another one holds."""
    # The owner of the tables sees what others wait for.
    owner = await asyncpg.connect(database.url.replace("+asyncpg", ""))

    async def is_waiting() -> bool:
        return int(await owner.fetchval(WAITING)) >= count

    try:
        await until(is_waiting, what=f"{count} transactions that wait for a lock")
    finally:
        await owner.close()
