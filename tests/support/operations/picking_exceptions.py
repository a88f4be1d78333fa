"""What a picker meets now and then: a line that is short, a thing that is broken, or weighed."""

from tests.support.operations.player import Play


async def making_up(play: Play) -> None:
    """A line that is short, and another product in the bag for it."""
    lines = [{"productId": play.product(0), "quantity": 2, "substitution": "ASK_ME"}]
    order = await play.order(wanted=lines)
    task = await play.task((await play("buyer", "order_detail", id=order))["code"])
    of_it = {"fulfillmentId": task["id"]}
    await play("picker", "fulfillment_accept", **of_it)
    line = task["lines"][0]
    found = {"lineId": line["id"], "quantity": 1, "damagedQuantity": 1}
    await play("picker", "fulfillment_line_pick", **of_it, **found, code=None)
    other = play.city.products[2].barcode
    asked = {"lineId": line["id"], "code": other, "quantity": 1}
    done = await play("picker", "fulfillment_substitute_propose", **of_it, **asked)
    [proposal] = done["fulfillment"]["substitutes"]
    await play("buyer", "order_substitute_answer", substituteId=proposal["id"], accept=True)
    await play("buyer", "order_cancel", orderId=order)


async def weighing(play: Play) -> None:
    """A product sold by weight: priced by its company, weighed by the picker, paid by the scale."""
    await play("owner", "company_headroom_set", companyId=play.company)
    apples = {"productId": play.product(5)}
    done = await play("owner", "product_handling_set", **apples, unitGrams=150)
    grams = 2 * done["product"]["unitGrams"] + 10
    order = await play.order(wanted=[{**apples, "quantity": 2}])
    shown = await play("buyer", "order_detail", id=order)
    assert int(shown["headroom"]["minor"]) > 0
    task = await play.task(shown["code"])
    of_it = {"fulfillmentId": task["id"]}
    await play("picker", "fulfillment_accept", **of_it)
    line = task["lines"][0]
    found = {"lineId": line["id"], "quantity": 2, "grams": grams}
    await play("picker", "fulfillment_line_pick", **of_it, **found, code=None)
    await play("picker", "fulfillment_pack", **of_it)
    await play.settle(order)
    paid = await play("buyer", "order_detail", id=order)
    assert paid["charged"] == paid["payment"]["captured"]
    assert paid["lines"][0]["packedGrams"] == grams
    await play("owner", "product_handling_set", **apples)
