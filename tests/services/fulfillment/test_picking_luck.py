"""Whatever a picker meets, and whenever the order ends: no unit is made and none is lost."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.carts import Substitution
from models.fulfillment import Fulfillment, FulfillmentLineStatus, Substitute, SubstituteStatus
from models.identity import Actor
from models.orders import Order, OrderLine
from services.core.problems import Refused
from services.fulfillment import fulfillments, picking, substitutions
from services.fulfillment.picking import Pick
from services.fulfillment.substitutions import Proposal
from services.stock.receiving import Received
from tests.services.stock.test_batches import day, receive
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import Doors, lines, opened, paid, payment_of, unexplained, working
from tests.support.store_staff import accepted, step

STEPS = 14


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


async def pick(doors: Doors, staff: Actor, task: Fulfillment, luck: random.Random) -> None:
    line = luck.choice(await lines(doors.database, task))
    said = Pick(luck.randint(0, line.quantity), line.id, damaged=luck.choice([0, 0, 1, 2]))
    await step(doors.database, staff, task, picking.pick_line, pick=said)


async def propose(doors: Doors, staff: Actor, task: Fulfillment, luck: random.Random) -> None:
    line = luck.choice(await lines(doors.database, task))
    asked = Proposal(line.id, luck.choice(["P001", "P002", "P005"]), 1)
    await step(doors.database, staff, task, substitutions.propose, proposal=asked)


async def answer(doors: Doors, staff: Actor, task: Fulfillment, luck: random.Random) -> None:
    async with doors.database.read(PLATFORM) as session:
        waiting = select(Substitute).where(Substitute.fulfillment_id == task.id)
        rows = await session.scalars(waiting.where(Substitute.status == SubstituteStatus.PROPOSED))
        found = rows.all()
    for row in found:
        customer = Actor(row.customer_id)
        async with working(doors.database, customer, task.company_id) as session:
            await substitutions.answer(
                session, actor=customer, substitute_id=row.id, accept=luck.random() < 0.5
            )


async def end(doors: Doors, staff: Actor, task: Fulfillment, order: Order) -> Any:
    """Decide what is undecided, and pack."""
    await answer(doors, staff, task, random.Random(0))
    for line in await lines(doors.database, task):
        if line.status is FulfillmentLineStatus.PENDING:
            said = Pick(line.quantity, line.id)
            await step(doors.database, staff, task, picking.pick_line, pick=said)
    await step(doors.database, staff, task, picking.pack, bags=1)
    async with doors.database.read(PLATFORM) as session:
        return await payment_of(session, order)


@pytest.mark.parametrize("seed", range(6))
async def test_books_and_shelves_agree_after_any_luck(seed: int, doors: Doors, city: City) -> None:
    database, luck = doors.database, random.Random(seed)
    near, (milk, bread) = city.near, (city.products[0].id, city.products[1].id)
    await receive(
        database, near, Received(milk, 2, "soon", day(1)), Received(milk, 2, "late", day(9)),
        Received(bread, 1, "soon", day(1)),
    )  # fmt: skip
    order = await paid(doors, city, 3, (0, 1, 2))
    async with database.write(PLATFORM, ORIGIN) as session:
        mine = OrderLine.order_id == order.id
        wish = {"substitution": Substitution.ASK_ME}
        await session.execute(update(OrderLine).where(mine).values(**wish))
    task, staff = await accepted(doors, city, order)
    for _ in range(STEPS):
        deed = luck.choice([pick, pick, propose, answer])
        try:
            await deed(doors, staff, task, luck)
        except Refused:
            continue
    assert await unexplained(database, city) == []
    if seed % 2:
        payment = await end(doors, staff, task, order)
        assert (payment.capture_wanted_minor or 0) <= payment.authorized_minor
    else:
        async with working(database, staff, order.company_id) as session:
            await fulfillments.cancel_for(session, await session.get_one(Order, order.id))
    assert await unexplained(database, city) == []
