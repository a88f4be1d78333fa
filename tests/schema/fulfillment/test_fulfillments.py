"""The screens of a store, as their clients query them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from database.sessions import Database
from models.catalog import Product
from models.fulfillment import Fulfillment
from models.identity import Actor, Grant, Role
from models.ids import encode_id
from models.stores import Store
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.graph_queries import GraphAnswer, GraphRunner, operation, record_statements
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    order_dependencies,
    place_paid_order,
)

QUEUE_STATEMENTS = 7
STOCK_STATEMENTS = 5
NOT_FOUND = {
    "__typename": "NotFound",
    "path": ["input", "fulfillmentId"],
    "message": "There is no such fulfillment.",
}


@pytest.fixture
async def dependencies(database: Database) -> AsyncIterator[OrderDependencies]:
    async with order_dependencies(database) as running:
        yield running


async def ask(
    database: Database, actor: Actor, name: str, key: str | None = None, **variables: Any
) -> GraphAnswer:
    """The whole response to a client's operation; `key` makes it idempotent."""
    return await GraphRunner(database)(operation(name), variables, actor, idempotency_key=key)


async def query_field(database: Database, actor: Actor, name: str, **variables: Any) -> Any:
    """The data of the operation's one root field; the response must have no errors."""
    response = await ask(database, actor, name, **variables)
    assert response.errors == []
    (field,) = response.data.values()
    return field


async def test_an_order_is_accepted_picked_and_packed(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    await place_paid_order(dependencies, city)
    staff = await create_picker(database, city.near)
    store_id = encode_id(Store, city.near.id)
    (fulfillment,) = (await query_field(database, staff, "fulfillment_queue", storeId=store_id))[
        "nodes"
    ]
    assert (fulfillment["status"], fulfillment["availableActions"]) == (
        "QUEUED",
        ["ACCEPT", "REJECT"],
    )
    assert [line["name"] for line in fulfillment["lines"]] == [
        "Milk First",
        "Bread First",
        "Eggs First",
    ]
    key = {"fulfillmentId": fulfillment["id"]}
    result = await query_field(database, staff, "fulfillment_accept", input=key)
    assert result["errors"] == []
    repeated = await query_field(database, staff, "fulfillment_accept", input=key)
    assert repeated["fulfillment"] is None
    assert (repeated["errors"][0]["currentStatus"], repeated["errors"][0]["allowedActions"]) == (
        "ACCEPTED",
        ["PICK_LINE", "GIVE_BACK"],
    )
    for line in fulfillment["lines"]:
        pick = {**key, "scannedCode": line["product"]["barcode"], "quantity": 1}
        result = await query_field(database, staff, "fulfillment_line_pick", input=pick)
        assert result["errors"] == []
    assert result["fulfillment"]["availableActions"] == ["PICK_LINE", "PACK", "GIVE_BACK"]
    assert {line["missingQuantity"] for line in result["fulfillment"]["lines"]} == {1}
    wrong = {**key, "scannedCode": "000", "lineId": fulfillment["lines"][0]["id"], "quantity": 1}
    refusal = await query_field(database, staff, "fulfillment_line_pick", input=wrong)
    assert refusal["errors"][0]["expected"] == "5600000000001"
    result = await query_field(database, staff, "fulfillment_pack", input={**key, "bagCount": 1})
    assert result["errors"] == []
    assert len(result["fulfillment"]["handoverCode"]) == 4


async def test_a_queue_costs_the_same_at_any_length(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    staff = await create_picker(database, city.near)
    store_id = encode_id(Store, city.near.id)
    counts = []
    for _ in range(2):
        for _ in range(3):
            await place_paid_order(dependencies, city)
        with record_statements(database) as statements:
            await query_field(database, staff, "fulfillment_queue", storeId=store_id)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= QUEUE_STATEMENTS
    with record_statements(database) as statements:
        await query_field(database, staff, "stock_of_store", storeId=store_id)
    assert len(statements) <= STOCK_STATEMENTS


async def test_an_adjustment_with_the_same_key_is_applied_once(
    database: Database, city: City
) -> None:
    staff = await create_picker(database, city.near)
    adjustment = {
        "storeId": encode_id(Store, city.near.id),
        "productId": encode_id(Product, city.products[0].id),
        "delta": -2,
        "reason": "DAMAGE",
    }
    responses = [
        await ask(database, staff, "stock_adjust", "key-1", input=adjustment) for _ in range(2)
    ]
    first, second = (response.data["stockAdjust"] for response in responses)
    assert first == second
    assert first["stockLevel"] == {"onHand": 48, "reserved": 0, "available": 48, "version": 2}
    outdated = {**adjustment, "expectedVersion": 1}
    refusal = await query_field(database, staff, "stock_adjust", input=outdated)
    assert refusal["errors"][0]["currentVersion"] == 2
    await query_field(database, staff, "stock_adjust", input={**adjustment, "delta": -900})


async def test_other_people_see_neither_the_queue_nor_the_code(
    dependencies: OrderDependencies, city: City
) -> None:
    database = dependencies.database
    order = await place_paid_order(dependencies, city)
    (fulfillment,) = await fulfillments_of(database, order)
    store_id = encode_id(Store, city.near.id)
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.second.id))
    picker_elsewhere = await create_picker(database, city.next)
    # The customer of this order who happens to work in another company's store.
    customer = Actor(order.customer_id, None, (Grant(Role.STORE_STAFF, city.second.id),))
    for stranger in (admin, picker_elsewhere, customer):
        response = await ask(database, stranger, "fulfillment_queue", storeId=store_id)
        assert response.data == {"storeQueue": None}
        assert fulfillment.handover_code not in str(response)
        key = {"fulfillmentId": encode_id(Fulfillment, fulfillment.id)}
        refusal = await query_field(database, stranger, "fulfillment_accept", input=key)
        assert refusal["errors"] == [NOT_FOUND]
        refusal = await query_field(
            database, stranger, "fulfillment_pack", input={**key, "bagCount": 1}
        )
        assert refusal["errors"] == [NOT_FOUND]


async def test_invalid_ids_are_not_found(database: Database, city: City) -> None:
    staff = await create_picker(database, city.near)
    for key in ("", "x", "ful_", "ord_AZq3AZq3AZq3AZq3AZq3Aw", "😀" * 26):
        result = await query_field(
            database, staff, "fulfillment_reject",
            input={"fulfillmentId": key, "reason": "TOO_BUSY"},
        )  # fmt: skip
        assert result["errors"] == [NOT_FOUND]
        response = await ask(database, staff, "stock_of_store", storeId=key)
        assert response.data == {"storeStock": None}
