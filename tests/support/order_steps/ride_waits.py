"""Rides that last too long: the jobs that look after them, and times in the past."""

from sqlalchemy import func, update

from database.scope import PLATFORM
from database.sessions import Database
from jobs import delivery as jobs
from models.delivery import Delivery
from services.delivery import silent_riders
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN


async def fall_silent(database: Database, city: City, delivery: Delivery, seconds: float) -> None:
    """Move the last sign of the rider into the past."""
    await riders.backdate_assignment(database, delivery, seconds)
    await riders.age_positions(database, city, seconds)


async def check_carrier(database: Database, delivery: Delivery) -> bool:
    """Run the job for riders with bags; whether it had this delivery to look after."""
    async with database.read(PLATFORM) as session:
        is_due = delivery.id in (await session.scalars(silent_riders.CARRIERS_TO_CHECK)).all()
    assert bool(await jobs.check_silent_carriers(database)) or not is_due
    return is_due


async def backdate_search(database: Database, delivery: Delivery, seconds: float) -> None:
    """Let a search that is due now have begun this long ago."""
    past = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    await update_delivery(database, delivery, search_started_at=past, due_at=past)


async def update_delivery(database: Database, delivery: Delivery, **values: object) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(update(Delivery).where(Delivery.id == delivery.id).values(**values))


async def advance(database: Database, delivery: Delivery) -> bool:
    """Run the job; whether it changed this delivery."""
    async with database.read(PLATFORM) as session:
        row = await session.get_one(Delivery, delivery.id)
        before = row.version, row.due_at
    await jobs.advance_deliveries(database)
    async with database.read(PLATFORM) as session:
        after = await session.get_one(Delivery, delivery.id)
        return (after.version, after.due_at) != before
