"""Batches as store staff and admins ask for them: what is refused, whom it concerns."""

from typing import Any

import pytest

from database.base import uuid7
from database.sessions import Database
from models.identity import Actor
from models.ids import encode
from models.stock import StockBatch
from services.stock.receiving import Received
from tests.services.stock.test_batches import day, receive
from tests.support.city import City
from tests.support.graph_queries import Asking, id_of
from tests.support.paid_orders import opened, paid
from tests.support.store_staff import accepted

WASTE = """
mutation ($input: BatchWasteInput!) {
  batchWaste(input: $input) {
    stock { onHand damaged available }
    entry { delta damagedDelta batchDelta batch { code onHand } reason }
    errors { __typename ... on Problem { path } ... on InsufficientStock { available } }
  }
}
"""
RECALL = """
mutation ($input: BatchRecallInput!) {
  batchRecall(input: $input) {
    recall { id batches { status damaged } orders(first: 1) { nodes { code } } }
    errors { __typename ... on Problem { path } }
  }
}
"""
ADJUST = """
mutation ($input: StockAdjustInput!) {
  stockAdjust(input: $input) {
    stock { onHand damaged incoming }
    entry { delta damagedDelta batch { code expiresOn } }
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
    nodes { delta reason } pageInfo { hasNextPage endCursor }
  }
}
"""
PICK_LIST = """
query ($id: ID!) { fulfillment(id: $id) { lines {
  id
  takeFrom { code expiresOn quantity }
  pickedBatches { code expiresOn quantity }
} } }
"""
PICK = """
mutation ($input: FulfillmentLinePickInput!) {
  fulfillmentLinePick(input: $input) { errors { __typename ... on Problem { path } } }
}
"""


def on_milk(city: City, **more: Any) -> dict[str, Any]:
    here = {"storeId": id_of(city.near), "productId": id_of(city.products[0])}
    return {"input": {**here, **more}}


async def test_waste_is_written_off_and_what_can_not_be_is_refused(
    ask: Asking, database: Database, city: City, staff: Actor
) -> None:
    await receive(database, city.near, Received(city.products[0].id, 3, "A", day(2)))
    told = (await ask(WASTE, on_milk(city, quantity=4), staff)).data["batchWaste"]
    assert told["stock"] == {"onHand": 49, "damaged": 0, "available": 49}
    assert told["entry"] == {
        "delta": -3, "damagedDelta": 0, "batchDelta": -3, "reason": "WASTE",
        "batch": {"code": "A", "onHand": 0},
    }  # fmt: skip
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"quantity": 50}, "InsufficientStock", "quantity"),
        ({"quantity": 1, "source": "SET_ASIDE"}, "InsufficientStock", "quantity"),
        ({"quantity": -1}, "InvalidInput", "quantity"),
        ({"quantity": 1, "note": "x" * 201}, "InvalidInput", "note"),
        ({"quantity": 1, "productId": None}, "InvalidInput", "batchId"),
        ({"quantity": 1, "batchId": "bat_1"}, "NotFound", "batchId"),
        (
            {"quantity": 1, "productId": None, "batchId": encode(StockBatch, uuid7())},
            "NotFound",
            "batchId",
        ),
        ({"quantity": 1, "productId": id_of(city.second.products[0])}, "NotFound", "productId"),
        ({"quantity": 1, "storeId": id_of(city.next)}, "NotFound", "storeId"),
    ]
    for more, kind, field in cases:
        told = await ask(WASTE, on_milk(city, **more), staff)
        [error] = told.data["batchWaste"]["errors"]
        assert (error["__typename"], error["path"]) == (kind, ["input", field]), more
    fraction = await ask(WASTE, on_milk(city, quantity=1.5), staff)
    assert fraction.codes == ["BAD_USER_INPUT"]


async def test_an_admin_recalls_and_nobody_else(
    ask: Asking, database: Database, city: City, owner: Actor, manager: Actor, stranger: Actor
) -> None:
    await receive(database, city.near, Received(city.products[0].id, 3, "A", day(2)))
    given = {
        "companyId": id_of(city.company), "productId": id_of(city.products[0]), "batchCode": "A"
    }  # fmt: skip
    assert (await ask(RECALL, {"input": given}, manager)).codes == ["FORBIDDEN"]
    told = (await ask(RECALL, {"input": given}, stranger)).data["batchRecall"]
    assert [error["path"] for error in told["errors"]] == [["input", "companyId"]]
    wrong = {**given, "productId": id_of(city.second.products[0])}
    told = (await ask(RECALL, {"input": wrong}, owner)).data["batchRecall"]
    assert [error["path"] for error in told["errors"]] == [["input", "productId"]]
    told = (await ask(RECALL, {"input": given}, owner)).data["batchRecall"]
    assert told["recall"]["batches"] == [{"status": "RECALLED", "damaged": 3}]
    seen = "query ($id: ID!) { batchRecall(id: $id) { batchCode } }"
    key = {"id": told["recall"]["id"]}
    assert (await ask(seen, key, manager)).data["batchRecall"] == {"batchCode": "A"}
    assert (await ask(seen, key, stranger)).codes == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"delta": 2, "reason": "RECEIPT", "expiresOn": "2020-01-01"}, "expiresOn"),
        ({"delta": 2, "reason": "RECEIPT", "batchCode": " "}, "batchCode"),
        ({"delta": -2, "reason": "DAMAGE", "batchCode": "Z"}, "batchCode"),
        ({"delta": 2, "reason": "WASTE"}, "reason"),
        ({"onHand": 2, "compareOnHand": 50, "reason": "ADJUSTMENT", "batchCode": "Z"}, "batchCode"),
    ],
)
async def test_a_batch_in_an_adjustment_has_to_make_sense(
    ask: Asking, city: City, staff: Actor, more: dict[str, Any], field: str
) -> None:
    told = (await ask(ADJUST, on_milk(city, **more), staff)).data["stockAdjust"]
    [error] = told["errors"]
    assert (error["__typename"], error["path"]) == ("InvalidInput", ["input", field])


async def test_a_receipt_by_hand_makes_a_batch_and_damage_sets_aside(
    ask: Asking, city: City, staff: Actor
) -> None:
    soon = day(3).isoformat()
    came = on_milk(city, delta=4, reason="RECEIPT", batchCode="A", expiresOn=soon)
    told = (await ask(ADJUST, came, staff)).data["stockAdjust"]
    assert told["entry"]["batch"] == {"code": "A", "expiresOn": soon}
    broke = on_milk(city, delta=-1, reason="DAMAGE", batchCode="A")
    told = (await ask(ADJUST, broke, staff)).data["stockAdjust"]
    assert told["stock"] == {"onHand": 53, "damaged": 1, "incoming": 0}
    assert (told["entry"]["delta"], told["entry"]["damagedDelta"]) == (-1, 1)


async def test_lists_are_for_the_stores_own_people_and_bounded(
    ask: Asking, city: City, staff: Actor, stranger: Actor, buyer: Actor
) -> None:
    here: dict[str, Any] = {"storeId": id_of(city.near), "days": 7, "first": 5}
    assert (await ask(EXPIRING, here, staff)).data["expiringBatches"] == {"nodes": []}
    assert (await ask(EXPIRING, here, stranger)).codes == ["NOT_FOUND"]
    assert (await ask(EXPIRING, here, buyer)).codes == ["FORBIDDEN"]
    for wrong in ({"days": -1}, {"days": 366}, {"first": 0}, {"first": 101}):
        assert (await ask(EXPIRING, {**here, **wrong}, staff)).codes == ["INVALID_INPUT"]
    assert (await ask(LEDGER, here, stranger)).codes == ["NOT_FOUND"]


async def test_the_ledger_is_read_page_by_page_the_newest_first(
    ask: Asking, city: City, staff: Actor
) -> None:
    for delta in (1, 2, 3):
        await ask(ADJUST, on_milk(city, delta=delta, reason="ADJUSTMENT"), staff)
    asked = {"storeId": id_of(city.near), "productId": id_of(city.products[0]), "first": 2}
    one = (await ask(LEDGER, asked, staff)).data["stockLedger"]
    assert [row["delta"] for row in one["nodes"]] == [3, 2]
    after = one["pageInfo"]["endCursor"]
    two = (await ask(LEDGER, {**asked, "after": after}, staff)).data["stockLedger"]
    assert [row["delta"] for row in two["nodes"]] == [1, 50]
    assert not two["pageInfo"]["hasNextPage"]


async def test_the_pick_list_says_which_batch_to_take(
    ask: Asking, database: Database, city: City, staff: Actor
) -> None:
    milk, late, soon = city.products[0].id, day(9), day(1)
    lines = [Received(milk, 5, "late", late), Received(milk, 1, "soon", soon)]
    await receive(database, city.near, *lines)
    async with opened(database) as doors:
        task, picker = await accepted(doors, city, await paid(doors, city, 3, (0,)))
    asked = {"id": id_of(task)}
    [line] = (await ask(PICK_LIST, asked, staff)).data["fulfillment"]["lines"]
    advised = [
        {"code": "soon", "expiresOn": soon.isoformat(), "quantity": 1},
        {"code": "late", "expiresOn": late.isoformat(), "quantity": 2},
    ]
    assert line == {"id": line["id"], "takeFrom": advised, "pickedBatches": []}
    found = {"fulfillmentId": asked["id"], "lineId": line["id"], "quantity": 3}
    told = await ask(PICK, {"input": {**found, "batchCode": "gone"}}, picker)
    [error] = told.data["fulfillmentLinePick"]["errors"]
    assert error == {"__typename": "InvalidInput", "path": ["input", "batchCode"]}
    await ask(PICK, {"input": {**found, "batchCode": "late"}}, picker)
    [line] = (await ask(PICK_LIST, asked, staff)).data["fulfillment"]["lines"]
    late_ones = [{"code": "late", "expiresOn": late.isoformat(), "quantity": 3}]
    assert (line["takeFrom"], line["pickedBatches"]) == ([], late_ones)
