"""A store's desk: its staff take steps, time passes, and streams and shelves are looked at."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.events import Event
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor
from models.orders import Order
from models.stock import Stock
from services.core.problems import Refused
from services.fulfillment import fulfillments
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import Doors, picker, tasks, working


async def step(
    database: Database, actor: Actor, task: Fulfillment, verb: Any, **more: Any
) -> Fulfillment:
    async with working(database, actor, task.company_id) as session:
        done: Fulfillment = await verb(session, actor=actor, fulfillment_id=task.id, **more)
    return done


async def refused(
    database: Database, actor: Actor, task: Fulfillment, verb: Any, **more: Any
) -> Any:
    with pytest.raises(Refused) as caught:
        await step(database, actor, task, verb, **more)
    (reason,) = caught.value.reasons
    return reason


async def undisturbed(database: Database) -> None:
    """Nothing that other tests left in a queue falls due while this one counts what does."""
    later = func.now() + timedelta(hours=1)
    queued = Fulfillment.status == FulfillmentStatus.QUEUED
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(update(Fulfillment).where(queued).values(due_at=later))


async def overdue(database: Database, task: Fulfillment) -> None:
    """Let a task's time to accept be over."""
    async with database.write(PLATFORM, ORIGIN) as session:
        late = func.now() - timedelta(seconds=1)
        await session.execute(
            update(Fulfillment).where(Fulfillment.id == task.id).values(due_at=late)
        )


async def told(database: Database, stream: str) -> list[str]:
    async with database.read(PLATFORM) as session:
        rows = select(Event.type).where(Event.stream == stream).order_by(Event.seq)
        return list(await session.scalars(rows))


async def on_hand(database: Database, store: Any, city: City, index: int) -> int:
    async with database.read(PLATFORM) as session:
        row = await session.get_one(Stock, (store.id, city.products[index].id))
        return row.on_hand


async def accepted(doors: Doors, city: City, order: Order) -> tuple[Fulfillment, Actor]:
    (task,) = await tasks(doors.database, order)
    staff = await picker(doors.database, city.near)
    return await step(doors.database, staff, task, fulfillments.accept), staff
