"""Batches through the graph: write-offs, recalls, adjustments, lists and permissions."""

from typing import Any

import pytest

from database.base import uuid7
from database.sessions import Database
from models.identity import Actor
from models.ids import encode_id
from models.stock import StockBatch
from services.stock.receiving import StockReceiptLine
from tests.support.city import City
from tests.support.graph_queries import GraphRunner, public_id
from tests.support.paid_orders import order_dependencies, place_paid_order
from tests.support.stock.batches import day, receive
from tests.support.store_staff import accept_task

WASTE = """
mutation ($input: StockWriteOffInput!) {
  stockWriteOff(input: $input) {
    stockLevel { onHand unsellable available }
    stockMovement { onHandDelta unsellableDelta batchDelta batch { code onHand } reason }
    errors { __typename ... on Problem { path } ... on InsufficientStock { available } }
  }
}
"""
RECALL = """
mutation ($input: BatchRecallCreateInput!) {
  batchRecallCreate(input: $input) {
    batchRecall { id batches { status unsellable } orders(first: 1) { nodes { code } } }
    errors { __typename ... on Problem { path } }
  }
}
"""
ADJUST = """
mutation ($input: StockAdjustInput!) {
  stockAdjust(input: $input) {
    stockLevel { onHand unsellable incoming }
    stockMovement { onHandDelta unsellableDelta batch { code sellByDate } }
    errors { __typename ... on Problem { path } }
  }
}
"""
EXPIRING = """
query ($storeId: ID!, $days: Int!, $first: Int!) {
  expiringBatches(storeId: $storeId, withinDays: $days, first: $first) { nodes { code } }
}
"""
LEDGER = """
query ($storeId: ID!, $productId: ID, $first: Int!, $after: String) {
  stockLedger(storeId: $storeId, productId: $productId, first: $first, after: $after) {
    nodes { onHandDelta reason } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
PICK_LIST = """
query ($id: ID!) { fulfillment(id: $id) { lines {
  id
  suggestedBatches { code sellByDate quantity }
  pickedBatches { code sellByDate quantity }
} } }
"""
PICK = """
mutation ($input: FulfillmentLinePickInput!) {
  fulfillmentLinePick(input: $input) { errors { __typename ... on Problem { path } } }
}
"""


def on_milk(city: City, **values: Any) -> dict[str, Any]:
    stock = {"storeId": public_id(city.near), "productId": public_id(city.products[0])}
    return {"input": {**stock, **values}}


def written_off(city: City, **values: Any) -> dict[str, Any]:
    goods = {"productId": public_id(city.products[0])}
    return {"input": {"storeId": public_id(city.near), "goods": goods, **values}}


async def test_units_are_written_off_and_invalid_quantities_are_refused(
    ask: GraphRunner, database: Database, city: City, staff: Actor
) -> None:
    await receive(database, city.near, StockReceiptLine(city.products[0].id, 3, "A", day(2)))
    payload = (await ask(WASTE, written_off(city, quantity=4), staff)).data["stockWriteOff"]
    assert payload["stockLevel"] == {"onHand": 49, "unsellable": 0, "available": 49}
    assert payload["stockMovement"] == {
        "onHandDelta": -3, "unsellableDelta": 0, "batchDelta": -3, "reason": "WASTE",
        "batch": {"code": "A", "onHand": 0},
    }  # fmt: skip
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"quantity": 50}, "InsufficientStock", "quantity"),
        ({"quantity": 1, "source": "UNSELLABLE"}, "InsufficientStock", "quantity"),
        ({"quantity": -1}, "InvalidInput", "quantity"),
        ({"quantity": 1, "note": "x" * 201}, "InvalidInput", "note"),
        ({"quantity": 1, "goods": {"batchId": "bat_1"}}, "NotFound", "goods.batchId"),
        (
            {"quantity": 1, "goods": {"batchId": encode_id(StockBatch, uuid7())}},
            "NotFound",
            "goods.batchId",
        ),
        (
            {"quantity": 1, "goods": {"productId": public_id(city.second.products[0])}},
            "NotFound",
            "goods.productId",
        ),
        ({"quantity": 1, "storeId": public_id(city.next)}, "NotFound", "storeId"),
    ]
    for changes, kind, field in cases:
        answer = await ask(WASTE, written_off(city, **changes), staff)
        [error] = answer.data["stockWriteOff"]["errors"]
        assert (error["__typename"], error["path"]) == (kind, ["input", *field.split(".")]), changes
    fraction = await ask(WASTE, written_off(city, quantity=1.5), staff)
    assert fraction.codes == ["BAD_USER_INPUT"]


async def test_only_company_admins_recall_batches(
    ask: GraphRunner, database: Database, city: City, owner: Actor, manager: Actor, stranger: Actor
) -> None:
    await receive(database, city.near, StockReceiptLine(city.products[0].id, 3, "A", day(2)))
    batch = {
        "companyId": public_id(city.company),
        "productId": public_id(city.products[0]),
        "batchCode": "A",
    }
    assert (await ask(RECALL, {"input": batch}, manager)).codes == ["FORBIDDEN"]
    payload = (await ask(RECALL, {"input": batch}, stranger)).data["batchRecallCreate"]
    assert [error["path"] for error in payload["errors"]] == [["input", "companyId"]]
    foreign_batch = {**batch, "productId": public_id(city.second.products[0])}
    payload = (await ask(RECALL, {"input": foreign_batch}, owner)).data["batchRecallCreate"]
    assert [error["path"] for error in payload["errors"]] == [["input", "productId"]]
    payload = (await ask(RECALL, {"input": batch}, owner)).data["batchRecallCreate"]
    assert payload["batchRecall"]["batches"] == [{"status": "RECALLED", "unsellable": 3}]
    query = "query ($id: ID!) { batchRecall(id: $id) { batchCode } }"
    key = {"id": payload["batchRecall"]["id"]}
    assert (await ask(query, key, manager)).data["batchRecall"] == {"batchCode": "A"}
    assert (await ask(query, key, stranger)).codes == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"delta": 2, "reason": "RECEIPT", "sellByDate": "2020-01-01"}, "sellByDate"),
        ({"delta": 2, "reason": "RECEIPT", "batchCode": " "}, "batchCode"),
        ({"delta": -2, "reason": "DAMAGE", "batchCode": "Z"}, "batchCode"),
        ({"delta": 2, "reason": "WASTE"}, "reason"),
        (
            {"onHand": 2, "compareQuantity": 50, "reason": "ADJUSTMENT", "batchCode": "Z"},
            "batchCode",
        ),
    ],
)
async def test_an_invalid_batch_of_an_adjustment_is_refused(
    ask: GraphRunner, city: City, staff: Actor, changes: dict[str, Any], field: str
) -> None:
    payload = (await ask(ADJUST, on_milk(city, **changes), staff)).data["stockAdjust"]
    [error] = payload["errors"]
    assert (error["__typename"], error["path"]) == ("InvalidInput", ["input", field])


async def test_a_manual_receipt_creates_a_batch_and_damage_sets_units_aside(
    ask: GraphRunner, city: City, staff: Actor
) -> None:
    soon = day(3).isoformat()
    receipt = on_milk(city, delta=4, reason="RECEIPT", batchCode="A", sellByDate=soon)
    payload = (await ask(ADJUST, receipt, staff)).data["stockAdjust"]
    assert payload["stockMovement"]["batch"] == {"code": "A", "sellByDate": soon}
    damage = on_milk(city, delta=-1, reason="DAMAGE", batchCode="A")
    payload = (await ask(ADJUST, damage, staff)).data["stockAdjust"]
    assert payload["stockLevel"] == {"onHand": 53, "unsellable": 1, "incoming": 0}
    assert (
        payload["stockMovement"]["onHandDelta"],
        payload["stockMovement"]["unsellableDelta"],
    ) == (-1, 1)


async def test_lists_are_limited_and_only_for_the_staff_of_the_store(
    ask: GraphRunner, city: City, staff: Actor, stranger: Actor, buyer: Actor
) -> None:
    page: dict[str, Any] = {"storeId": public_id(city.near), "days": 7, "first": 5}
    assert (await ask(EXPIRING, page, staff)).data["expiringBatches"] == {"nodes": []}
    assert (await ask(EXPIRING, page, stranger)).codes == ["NOT_FOUND"]
    assert (await ask(EXPIRING, page, buyer)).codes == ["FORBIDDEN"]
    for invalid in ({"days": -1}, {"days": 366}, {"first": 0}, {"first": 101}):
        assert (await ask(EXPIRING, {**page, **invalid}, staff)).codes == ["INVALID_INPUT"]
    assert (await ask(LEDGER, page, stranger)).codes == ["NOT_FOUND"]


async def test_the_ledger_is_read_in_pages_newest_first(
    ask: GraphRunner, city: City, staff: Actor
) -> None:
    for delta in (1, 2, 3):
        await ask(ADJUST, on_milk(city, delta=delta, reason="ADJUSTMENT"), staff)
    page = {"storeId": public_id(city.near), "productId": public_id(city.products[0]), "first": 2}
    first_page = (await ask(LEDGER, page, staff)).data["stockLedger"]
    assert [row["onHandDelta"] for row in first_page["nodes"]] == [3, 2]
    after = first_page["pageInfo"]["endCursor"]
    second_page = (await ask(LEDGER, {**page, "after": after}, staff)).data["stockLedger"]
    assert [row["onHandDelta"] for row in second_page["nodes"]] == [1, 50]
    assert not second_page["pageInfo"]["hasNextPage"]
    assert second_page["pageInfo"]["hasPreviousPage"]
    assert not first_page["pageInfo"]["hasPreviousPage"]
    after_first_row = {**page, "after": first_page["pageInfo"]["startCursor"]}
    rest = (await ask(LEDGER, after_first_row, staff)).data["stockLedger"]
    assert [row["onHandDelta"] for row in rest["nodes"]] == [2, 1]


async def test_the_pick_list_suggests_batches(
    ask: GraphRunner, database: Database, city: City, staff: Actor
) -> None:
    milk, late, soon = city.products[0].id, day(9), day(1)
    lines = [StockReceiptLine(milk, 5, "late", late), StockReceiptLine(milk, 1, "soon", soon)]
    await receive(database, city.near, *lines)
    async with order_dependencies(database) as dependencies:
        task, picker = await accept_task(
            dependencies, city, await place_paid_order(dependencies, city, 3, (0,))
        )
    key = {"id": public_id(task)}
    [line] = (await ask(PICK_LIST, key, staff)).data["fulfillment"]["lines"]
    advised = [
        {"code": "soon", "sellByDate": soon.isoformat(), "quantity": 1},
        {"code": "late", "sellByDate": late.isoformat(), "quantity": 2},
    ]
    assert line == {"id": line["id"], "suggestedBatches": advised, "pickedBatches": []}
    pick = {"fulfillmentId": key["id"], "lineId": line["id"], "quantity": 3}
    answer = await ask(PICK, {"input": {**pick, "batchCode": "gone"}}, picker)
    [error] = answer.data["fulfillmentLinePick"]["errors"]
    assert error == {"__typename": "InvalidInput", "path": ["input", "batchCode"]}
    await ask(PICK, {"input": {**pick, "batchCode": "late"}}, picker)
    [line] = (await ask(PICK_LIST, key, staff)).data["fulfillment"]["lines"]
    late_ones = [{"code": "late", "sellByDate": late.isoformat(), "quantity": 3}]
    assert (line["suggestedBatches"], line["pickedBatches"]) == ([], late_ones)
