"""Substitutes through the API: who can propose and answer; repeated requests act once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update

from database.scope import PLATFORM
from database.sessions import Database
from models.carts import SubstitutionPreference
from models.fulfillment import Fulfillment, FulfillmentLine
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderLine
from services.fulfillment import picking
from services.fulfillment.picking import LinePick
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.graph_queries import GraphAnswer, GraphRunner, operation, public_id
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    lines_of,
    order_dependencies,
    place_paid_order,
)
from tests.support.store_staff import accept_task, on_hand, run_step


@dataclass
class ShortLine:
    """A fulfillment with a line of which one unit is missing, and the people of the order."""

    ask: GraphRunner
    task: Fulfillment
    line: FulfillmentLine
    staff: Actor
    customer: Actor

    async def propose(self, actor: Actor, **overrides: Any) -> GraphAnswer:
        input_ = {
            "fulfillmentId": public_id(self.task),
            "lineId": public_id(self.line),
            "quantity": 1,
        }
        input_ |= {"scannedCode": "P002"}
        key = overrides.pop("key", None)
        document = operation("substitution_propose")
        return await self.ask(document, {"input": input_ | overrides}, actor, idempotency_key=key)

    async def answer(self, actor: Actor, substitute: str, key: str | None = None) -> GraphAnswer:
        input_ = {"substitutionId": substitute, "accept": True}
        document = operation("order_substitute_answer")
        return await self.ask(document, {"input": input_}, actor, idempotency_key=key)


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    async with order_dependencies(database) as running:
        yield running


@pytest.fixture
async def short(ask: GraphRunner, dependencies: OrderDependencies, city: City) -> ShortLine:
    order: Order = await place_paid_order(dependencies, city, 2, (3,))
    async with dependencies.database.write(PLATFORM, ORIGIN) as session:
        of_order = OrderLine.order_id == order.id
        preference = {"substitution_preference": SubstitutionPreference.ASK_ME}
        await session.execute(update(OrderLine).where(of_order).values(**preference))
    fulfillment, staff = await accept_task(dependencies, city, order)
    (line,) = await lines_of(dependencies.database, fulfillment)
    await run_step(
        dependencies.database, staff, fulfillment, picking.pick_line, pick=LinePick(1, line.id)
    )
    customer = Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))
    return ShortLine(ask, fulfillment, line, staff, customer)


def error_types(response: GraphAnswer) -> list[str]:
    (payload,) = response.data.values()
    return [item["__typename"] for item in payload["errors"]]


async def test_the_store_proposes_once_and_the_customer_answers_once(
    short: ShortLine, city: City, database: Database
) -> None:
    first, repeated = [await short.propose(short.staff, key="scan-1") for _ in range(2)]
    assert first.data == repeated.data
    assert await on_hand(database, city.near, city, 1) == 49
    proposed = first.data["substitutionPropose"]["fulfillment"]
    [item] = proposed["substitutions"]
    assert proposed["status"] == "AWAITING_SUBSTITUTION"
    accepted, replayed = [await short.answer(short.customer, item["id"], "yes-1") for _ in range(2)]
    assert accepted.data == replayed.data
    assert accepted.data["orderSubstituteAnswer"]["substitution"]["status"] == "ACCEPTED"
    assert error_types(await short.answer(short.customer, item["id"])) == ["InvalidTransition"]


async def test_other_people_can_neither_propose_nor_answer(
    short: ShortLine, city: City, database: Database
) -> None:
    other_picker = await create_picker(database, city.first.stores[1])
    assert error_types(await short.propose(other_picker)) == ["NotFound"]
    (rider,) = await create_people(database, 1, Grant(Role.RIDER, city.company.id))
    for actor in (short.customer, rider):
        assert (await short.propose(actor)).codes == ["FORBIDDEN"]
    response = await short.propose(short.staff)
    [item] = response.data["substitutionPropose"]["fulfillment"]["substitutions"]
    (other_customer,) = await create_people(database, 1, Grant(Role.CUSTOMER))
    assert error_types(await short.answer(other_customer, item["id"])) == ["NotFound"]
    assert (await short.answer(short.staff, item["id"])).codes == ["FORBIDDEN"]
