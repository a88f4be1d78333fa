"""An order that the customer collects from the store."""

from tests.support.operations.daily_work import restrict_product
from tests.support.operations.player import OperationPlayer


async def collect_order(play: OperationPlayer) -> None:
    """Order for pickup, pick, stage and collect it, and once more after support reopened it."""
    desk = (await play("manager", "store_desk", id=play.store))["desk"]
    await play("manager", "store_update", storeId=play.store, expectedVersion=desk["version"])
    front = await play("buyer", "storefront", location=play.city.point)
    assert front["store"]["pickupEnabled"]
    assert front["pickupEstimate"]["p50Seconds"] < front["deliveryEstimate"]["p50Seconds"]
    await restrict_product(play, True)
    wanted = [{"productId": play.product(n), "quantity": 2} for n in range(2)]
    placed = await play(
        "buyer", "order_place_pickup", destination={"pickupStoreId": play.store}, lines=wanted
    )
    order = await play.pay(placed)
    await restrict_product(play, False)
    task = await play.task(placed["order"]["code"])
    assert task["method"] == "PICKUP"
    key = {"fulfillmentId": task["id"]}
    await play("picker", "fulfillment_accept", **key)
    for line in task["lines"]:
        units = {"scannedCode": line["product"]["barcode"], "quantity": line["quantity"]}
        await play("picker", "fulfillment_line_pick", **key, **units)
    await play("picker", "fulfillment_pack", **key)
    await play("picker", "fulfillment_stage", **key)
    waiting = await play("buyer", "order_detail", id=order)
    assert waiting["stage"] == "READY_FOR_PICKUP"
    assert waiting["pickupDueAt"]
    await collect(play, order, key["fulfillmentId"])
    await play.settle(order)
    reopened = await play("agent", "order_reopen", orderId=order)
    assert reopened["order"]["stage"] == "READY_FOR_PICKUP"
    await collect(play, order, key["fulfillmentId"])


async def collect(play: OperationPlayer, order: str, task: str) -> None:
    """Check the customer's age and hand the bags over for the code."""
    checked = await play("picker", "fulfillment_check_age", fulfillmentId=task)
    assert checked["fulfillment"]["ageCheckResult"] == "PASSED"
    code = (await play("buyer", "order_detail", id=order))["pickupCode"]
    collected = await play("picker", "fulfillment_collect", fulfillmentId=task, pickupCode=code)
    assert collected["fulfillment"]["status"] == "COLLECTED"
