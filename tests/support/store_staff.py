"""Store staff: their steps with fulfillments, and reads of streams and stock."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.events import Event
from models.fulfillment import Fulfillment, FulfillmentStatus, PutBackLine
from models.identity import Actor
from models.orders import Order
from models.stock import StockLevel
from services.core.problems import DomainError
from services.fulfillment import fulfillments, put_back
from services.fulfillment.put_back import PutBackCount
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import OrderDependencies, create_picker, fulfillments_of, write_as


async def run_step(
    database: Database, actor: Actor, task: Fulfillment, step: Any, **more: Any
) -> Fulfillment:
    async with write_as(database, actor, task.company_id) as session:
        updated: Fulfillment = await step(session, actor=actor, fulfillment_id=task.id, **more)
    return updated


async def refusal_of_step(
    database: Database, actor: Actor, task: Fulfillment, step: Any, **more: Any
) -> Any:
    with pytest.raises(DomainError) as caught:
        await run_step(database, actor, task, step, **more)
    (problem,) = caught.value.problems
    return problem


async def postpone_queued_tasks(database: Database) -> None:
    """Postpone fulfillments that other tests left in a queue, so that none of them becomes due."""
    later = func.now() + timedelta(hours=1)
    queued = Fulfillment.status == FulfillmentStatus.QUEUED
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(update(Fulfillment).where(queued).values(next_step_due_at=later))


async def make_overdue(database: Database, task: Fulfillment) -> None:
    """Set the acceptance deadline of a fulfillment to the past."""
    async with database.write(PLATFORM, ORIGIN) as session:
        past = func.now() - timedelta(seconds=1)
        await session.execute(
            update(Fulfillment).where(Fulfillment.id == task.id).values(next_step_due_at=past)
        )


async def event_types(database: Database, stream: str) -> list[str]:
    async with database.read(PLATFORM) as session:
        rows = select(Event.type).where(Event.stream == stream).order_by(Event.seq)
        return list(await session.scalars(rows))


async def on_hand(database: Database, store: Any, city: City, index: int) -> int:
    async with database.read(PLATFORM) as session:
        row = await session.get_one(StockLevel, (store.id, city.products[index].id))
        return row.on_hand


async def accept_task(
    dependencies: OrderDependencies, city: City, order: Order
) -> tuple[Fulfillment, Actor]:
    (task,) = await fulfillments_of(dependencies.database, order)
    staff = await create_picker(dependencies.database, city.near)
    return await run_step(dependencies.database, staff, task, fulfillments.accept), staff


async def put_back_lines_of(database: Database, task: Fulfillment) -> list[PutBackLine]:
    """What has to be put back of a fulfillment, in the order of the list."""
    async with database.read(PLATFORM) as session:
        statement = select(PutBackLine).where(PutBackLine.fulfillment_id == task.id)
        return list(await session.scalars(statement.order_by(PutBackLine.position)))


async def put_back_everything(database: Database, staff: Actor, task: Fulfillment) -> Fulfillment:
    """Record that every unit is on the shelf again."""
    lines = await put_back_lines_of(database, task)
    counts = [PutBackCount(line.id, line.quantity) for line in lines]
    return await run_step(database, staff, task, put_back.confirm, counts=counts)
