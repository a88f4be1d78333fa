"""What a picker meets now and then: a line that is short, a thing that is broken."""

from tests.resolvers.playing import Play


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
