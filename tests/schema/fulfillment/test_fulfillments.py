"""The store's screens, as their clients ask for them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from database.sessions import Database
from models.catalog import Product
from models.fulfillment import Fulfillment
from models.identity import Actor, Grant, Role
from models.ids import encode
from models.stores import Store
from tests.support.city import City
from tests.support.customers import people
from tests.support.graph_queries import Asking, Told, operation, statements
from tests.support.paid_orders import Doors, opened, paid, picker, tasks

QUEUE_STATEMENTS = 7
SHELVES_STATEMENTS = 5


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


async def ask(
    database: Database, actor: Actor, name: str, key: str | None = None, **variables: Any
) -> Told:
    """The whole answer to a client's operation; `key` makes it idempotent."""
    return await Asking(database)(operation(name), variables, actor, idempotency_key=key)


async def told(database: Database, actor: Actor, name: str, **variables: Any) -> Any:
    """The data of the operation's one root field; nothing may have gone wrong."""
    answer = await ask(database, actor, name, **variables)
    assert answer.errors == []
    (field,) = answer.data.values()
    return field


async def test_an_order_is_accepted_picked_and_packed(doors: Doors, city: City) -> None:
    database = doors.database
    await paid(doors, city)
    staff = await picker(database, city.near)
    store_id = encode(Store, city.near.id)
    (task,) = (await told(database, staff, "fulfillment_queue", storeId=store_id))["nodes"]
    assert (task["status"], task["availableActions"]) == ("QUEUED", ["ACCEPT", "REJECT"])
    assert [line["name"] for line in task["lines"]] == ["Milk First", "Bread First", "Eggs First"]
    key = {"fulfillmentId": task["id"]}
    done = await told(database, staff, "fulfillment_accept", input=key)
    assert done["errors"] == []
    again = await told(database, staff, "fulfillment_accept", input=key)
    assert again["fulfillment"] is None
    assert (again["errors"][0]["state"], again["errors"][0]["legal"]) == ("ACCEPTED", ["PICK_LINE"])
    for line in task["lines"]:
        pick = {**key, "code": line["product"]["barcode"], "quantity": 1}
        done = await told(database, staff, "fulfillment_line_pick", input=pick)
        assert done["errors"] == []
    assert done["fulfillment"]["availableActions"] == ["PICK_LINE", "PACK"]
    assert {line["missingQuantity"] for line in done["fulfillment"]["lines"]} == {1}
    wrong = {**key, "code": "000", "lineId": task["lines"][0]["id"], "quantity": 1}
    refused = await told(database, staff, "fulfillment_line_pick", input=wrong)
    assert refused["errors"][0]["expected"] == "5600000000001"
    done = await told(database, staff, "fulfillment_pack", input={**key, "bags": 1})
    assert done["errors"] == []
    assert len(done["fulfillment"]["handoverCode"]) == 4


async def test_a_queue_costs_the_same_however_long_it_is(doors: Doors, city: City) -> None:
    database = doors.database
    staff = await picker(database, city.near)
    store_id = encode(Store, city.near.id)
    counts = []
    for _ in range(2):
        for _ in range(3):
            await paid(doors, city)
        with statements(database) as seen:
            await told(database, staff, "fulfillment_queue", storeId=store_id)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= QUEUE_STATEMENTS
    with statements(database) as seen:
        await told(database, staff, "stock_of_store", storeId=store_id)
    assert len(seen) <= SHELVES_STATEMENTS


async def test_a_count_with_the_same_key_is_done_once(database: Database, city: City) -> None:
    staff = await picker(database, city.near)
    count = {
        "storeId": encode(Store, city.near.id),
        "productId": encode(Product, city.products[0].id),
        "delta": -2,
        "reason": "DAMAGE",
    }
    answers = [await ask(database, staff, "stock_adjust", "key-1", input=count) for _ in range(2)]
    first, second = (answer.data["stockAdjust"] for answer in answers)
    assert first == second
    assert first["stock"] == {"onHand": 48, "held": 0, "available": 48, "version": 2}
    late = {**count, "expectedVersion": 1}
    refused = await told(database, staff, "stock_adjust", input=late)
    assert refused["errors"][0]["current"] == 2
    await told(database, staff, "stock_adjust", input={**count, "delta": -900})


async def test_strangers_see_neither_queue_nor_code(doors: Doors, city: City) -> None:
    database = doors.database
    order = await paid(doors, city)
    (task,) = await tasks(database, order)
    store_id = encode(Store, city.near.id)
    (admin,) = await people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id))
    neighbor = await picker(database, city.next)
    # The customer of this order who happens to work in another company's store.
    customer = Actor(order.customer_id, None, (Grant(Role.STORE_STAFF, city.second.id),))
    for stranger in (admin, neighbor, customer):
        answer = await ask(database, stranger, "fulfillment_queue", storeId=store_id)
        assert answer.data == {"storeQueue": None}
        assert task.handover_code not in str(answer)
        key = {"fulfillmentId": encode(Fulfillment, task.id)}
        refused = await told(database, stranger, "fulfillment_accept", input=key)
        assert refused["errors"] == [{"message": "There is no such fulfillment."}]
        refused = await told(database, stranger, "fulfillment_pack", input={**key, "bags": 1})
        assert refused["errors"] == [{"message": "There is no such fulfillment."}]


async def test_ids_of_nothing_are_not_found(database: Database, city: City) -> None:
    staff = await picker(database, city.near)
    for key in ("", "x", "ful_", "ord_AZq3AZq3AZq3AZq3AZq3Aw", "😀" * 26):
        done = await told(
            database, staff, "fulfillment_reject",
            input={"fulfillmentId": key, "reason": "TOO_BUSY"},
        )  # fmt: skip
        assert done["errors"] == [{"message": "There is no such fulfillment."}]
        answer = await ask(database, staff, "stock_of_store", storeId=key)
        assert answer.data == {"storeStock": None}
