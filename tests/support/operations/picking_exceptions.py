"""Exceptions in picking: a line with missing units, damaged units, weighed products."""

from typing import Any

from tests.support.operations.player import OperationPlayer


async def substitute_short_line(play: OperationPlayer) -> None:
    """A line with missing units: the customer declines a substitute and accepts another one."""
    lines = [{"productId": play.product(0), "quantity": 2, "substitutionPreference": "ASK_ME"}]
    order = await play.order(wanted=lines)
    fulfillment = await play.task((await play("buyer", "order_detail", id=order))["code"])
    fulfillment_id = {"fulfillmentId": fulfillment["id"]}
    await play("picker", "fulfillment_accept", **fulfillment_id)
    await play("picker", "fulfillment_give_back", **fulfillment_id)
    await play("picker", "fulfillment_accept", **fulfillment_id)
    line = fulfillment["lines"][0]
    units = {"lineId": line["id"], "quantity": 1, "damagedQuantity": 1}
    await play("picker", "fulfillment_line_pick", **fulfillment_id, **units, scannedCode=None)
    await propose(play, fulfillment, 3, accept=False)
    for quantity in (2, 1):
        units = {"lineId": line["id"], "quantity": quantity}
        await play("picker", "fulfillment_line_pick", **fulfillment_id, **units, scannedCode=None)
    await propose(play, fulfillment, 2, accept=True)
    await play("buyer", "order_cancel", orderId=order)
    await put_back(play, fulfillment["id"])


async def propose(play: OperationPlayer, fulfillment: Any, nth: int, *, accept: bool) -> None:
    """Propose a product in place of the first line's missing unit, and answer as the customer."""
    line, code = fulfillment["lines"][0]["id"], play.city.products[nth].barcode
    wanted = {
        "fulfillmentId": fulfillment["id"],
        "lineId": line,
        "scannedCode": code,
        "quantity": 1,
    }
    result = await play("picker", "substitution_propose", **wanted)
    [proposal] = [
        one for one in result["fulfillment"]["substitutions"] if one["status"] == "PROPOSED"
    ]
    await play("buyer", "order_substitute_answer", substitutionId=proposal["id"], accept=accept)


async def pick_weighed_line(play: OperationPlayer) -> None:
    """A product sold by weight: set up by its company, weighed by the picker, charged by weight."""
    await play("owner", "company_update", companyId=play.company)
    apples = {"productId": play.product(5)}
    result = await play("owner", "product_update", **apples, averageWeightGrams=150)
    grams = 2 * result["product"]["averageWeightGrams"] + 10
    order = await play.order(wanted=[{**apples, "quantity": 2}])
    placed_order = await play("buyer", "order_detail", id=order)
    assert int(placed_order["authorizationBuffer"]["minorUnits"]) > 0
    fulfillment = await play.task(placed_order["code"])
    fulfillment_id = {"fulfillmentId": fulfillment["id"]}
    await play("picker", "fulfillment_accept", **fulfillment_id)
    line = fulfillment["lines"][0]
    units = {"lineId": line["id"], "quantity": 2, "weightGrams": grams}
    await play("picker", "fulfillment_line_pick", **fulfillment_id, **units, scannedCode=None)
    await play("picker", "fulfillment_pack", **fulfillment_id)
    await play.settle(order)
    paid_order = await play("buyer", "order_detail", id=order)
    assert paid_order["finalTotal"] == paid_order["payment"]["capturedAmount"]
    assert paid_order["lines"][0]["packedWeightGrams"] == grams
    await play("owner", "product_update", **apples)


async def put_back(play: OperationPlayer, fulfillment: str) -> None:
    """Count the picked units of an ended task: one is broken, the others are on the shelf again."""
    open_tasks = (await play("picker", "store_put_backs", storeId=play.store))["nodes"]
    [task] = [node for node in open_tasks if node["id"] == fulfillment]
    first, *others = task["putBackLines"]
    counts = [{"lineId": line["id"], "returnedQuantity": line["quantity"]} for line in others]
    waste = {"wastedQuantity": 1, "wasteReason": "DAMAGED"}
    counts += [{"lineId": first["id"], "returnedQuantity": first["quantity"] - 1, **waste}]
    done = await play("picker", "fulfillment_put_back", fulfillmentId=fulfillment, lines=counts)
    assert done["fulfillment"]["status"] == "PUT_BACK"
