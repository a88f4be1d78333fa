"""Substitutes and weights through the graph: who may say what, and that saying it twice is once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update

from database.scope import PLATFORM
from database.sessions import Database
from models.carts import Substitution
from models.fulfillment import Fulfillment, FulfillmentLine
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderLine
from services.fulfillment import picking
from services.fulfillment.picking import Pick
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.graph_queries import Asking, Told, id_of, operation
from tests.support.paid_orders import Doors, lines, opened, paid, picker
from tests.support.store_staff import accepted, on_hand, step


@dataclass
class Short:
    """A task with a line of which one unit is missing, and those whom it concerns."""

    ask: Asking
    task: Fulfillment
    line: FulfillmentLine
    staff: Actor
    customer: Actor

    async def propose(self, actor: Actor, **more: Any) -> Told:
        given = {"fulfillmentId": id_of(self.task), "lineId": id_of(self.line), "quantity": 1}
        given |= {"code": "P002"}
        key = more.pop("key", None)
        document = operation("fulfillment_substitute_propose")
        return await self.ask(document, {"input": given | more}, actor, idempotency_key=key)

    async def answer(self, actor: Actor, substitute: str, key: str | None = None) -> Told:
        given = {"substituteId": substitute, "accept": True}
        document = operation("order_substitute_answer")
        return await self.ask(document, {"input": given}, actor, idempotency_key=key)


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


@pytest.fixture
async def short(ask: Asking, doors: Doors, city: City) -> Short:
    order: Order = await paid(doors, city, 2, (3,))
    async with doors.database.write(PLATFORM, ORIGIN) as session:
        mine = OrderLine.order_id == order.id
        wish = {"substitution": Substitution.ASK_ME}
        await session.execute(update(OrderLine).where(mine).values(**wish))
    task, staff = await accepted(doors, city, order)
    (line,) = await lines(doors.database, task)
    await step(doors.database, staff, task, picking.pick_line, pick=Pick(1, line.id))
    customer = Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))
    return Short(ask, task, line, staff, customer)


def kinds(told: Told) -> list[str]:
    (payload,) = told.data.values()
    return [one["__typename"] for one in payload["errors"]]


async def test_the_store_proposes_once_and_the_customer_answers_once(
    short: Short, city: City, database: Database
) -> None:
    first, again = [await short.propose(short.staff, key="scan-1") for _ in range(2)]
    assert first.data == again.data
    assert await on_hand(database, city.near, city, 1) == 49
    proposed = first.data["fulfillmentSubstitutePropose"]["fulfillment"]
    [one] = proposed["substitutes"]
    assert proposed["status"] == "AWAITING_SUBSTITUTION"
    done, replayed = [await short.answer(short.customer, one["id"], "yes-1") for _ in range(2)]
    assert done.data == replayed.data
    assert done.data["orderSubstituteAnswer"]["substitute"]["status"] == "ACCEPTED"
    assert kinds(await short.answer(short.customer, one["id"])) == ["IllegalStep"]


async def test_strangers_neither_propose_nor_answer(
    short: Short, city: City, database: Database
) -> None:
    elsewhere = await picker(database, city.first.stores[1])
    assert kinds(await short.propose(elsewhere)) == ["NotFound"]
    (rider,) = await people(database, 1, Grant(Role.RIDER, city.company.id))
    for actor in (short.customer, rider):
        assert (await short.propose(actor)).codes == ["FORBIDDEN"]
    made = await short.propose(short.staff)
    [one] = made.data["fulfillmentSubstitutePropose"]["fulfillment"]["substitutes"]
    (other,) = await people(database, 1, Grant(Role.CUSTOMER))
    assert kinds(await short.answer(other, one["id"])) == ["NotFound"]
    assert (await short.answer(short.staff, one["id"])).codes == ["FORBIDDEN"]
